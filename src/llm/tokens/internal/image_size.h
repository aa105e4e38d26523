// How large an image is, from the first bytes of its file.
#pragma once
#include <string_view>

namespace fairlead::llm::internal {

struct ImageSize {
  int width = 0, height = 0;  // pixels; 0: not known
};
// Of PNG, JPEG, GIF and WebP in base64. Reads the head alone: 64 KiB at most.
ImageSize image_size(std::string_view base64);

}  // namespace fairlead::llm::internal
