// What a request holds besides text.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "llm/chat.h"
#include "llm/provider.h"

namespace fairlead::llm::internal {

struct Image {
  int width = 0, height = 0;  // 0: not known, as it is elsewhere
  bool low = false;           // `detail: low`
};

struct Attachments {
  std::vector<Image> images;
  std::size_t bytes = 0;      // of the JSON, that are no text: base64 of images
  std::size_t own_tools = 0;  // of the vendor's that the client runs itself: `computer_20250124`
  bool unbounded = false;     // files, stored conversations, what the vendor's own tools bring
};

// Whether a member of a request may be input at all, and whether it is one that holds what people write.
bool is_input(std::string_view member);
bool is_text(std::string_view member);

// Looks into members that may hold any. Costs a search where there are none.
Attachments attachments_of(Format format, std::span<const Member> members);

// Tokens that an image comes to on the route: as published for OpenAI's models, else a bound.
struct ImageTokens {
  std::int64_t likely = 0, most = 0;
};
ImageTokens tokens_of(const Image& image, const Route& route);

}  // namespace fairlead::llm::internal
