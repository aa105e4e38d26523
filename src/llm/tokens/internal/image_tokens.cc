// What images cost: OpenAI, "Images and vision", Calculating costs (read November 2026).
#include <algorithm>
#include <array>
#include <cmath>

#include "llm/tokens/internal/attachments.h"
#include "llm/tokens/internal/model_table.h"

namespace fairlead::llm::internal {
namespace {

// A base for each image, and so many for each tile of 512 × 512 of it, once it fits 2048 × 2048 and its short side is
// at most 768.
struct Tiled {
  std::string_view model;
  int base, tile;
};
constexpr std::array<Tiled, 8> kTiled = {{{"gpt-4o-mini", 2833, 5667},
                                          {"gpt-4o", 85, 170},
                                          {"chatgpt-4o", 85, 170},
                                          {"gpt-4-turbo", 85, 170},
                                          {"gpt-4.5", 85, 170},
                                          {"o1", 75, 150},
                                          {"o3", 75, 150},
                                          {"gpt-5-chat", 70, 140}}};
// Patches of 32 × 32, at most 1536, times a factor.
struct Patched {
  std::string_view model;
  double factor;
};
constexpr std::array<Patched, 5> kPatched = {
    {{"gpt-4.1-mini", 1.62}, {"gpt-4.1-nano", 2.46}, {"gpt-5-mini", 1.62}, {"gpt-5-nano", 2.46}, {"o4-mini", 1.72}}};
constexpr int kMostPatches = 1536;
constexpr int kMostTiles = 8;  // 2048 × 768

// The dearest that is published for any model: a large image on gpt-4o-mini.
constexpr std::int64_t kMostKnown = 2833 + 5667 * kMostTiles;

std::int64_t tiles(double width, double height) {
  const double fit = std::min(1.0, 2048 / std::max(width, height));
  width *= fit, height *= fit;
  const double shorter = std::min(1.0, 768 / std::min(width, height));
  width *= shorter, height *= shorter;
  // A pixel that rounding makes must make no tile.
  const auto count = [](double side) { return static_cast<std::int64_t>(std::ceil((side - 0.5) / 512)); };
  return std::max<std::int64_t>(1, count(width)) * std::max<std::int64_t>(1, count(height));
}

std::int64_t patches(double width, double height) {
  const double count = std::ceil(width / 32) * std::ceil(height / 32);
  return static_cast<std::int64_t>(std::min<double>(count, kMostPatches));
}

}  // namespace

ImageTokens tokens_of(const Image& image, const Route& route) {
  const std::string_view type = route.provider->type();
  const bool known = image.width > 0 && image.height > 0;
  if (type == "openai" || type == "azure" || type == "openrouter") {
    const std::string_view model = bare_model(route.upstream_model);
    for (const Patched& one : kPatched) {
      if (!model.starts_with(one.model)) continue;
      const auto most = static_cast<std::int64_t>(std::ceil(kMostPatches * one.factor));
      if (!known) return {most, most};
      const auto exact =
          static_cast<std::int64_t>(std::ceil(static_cast<double>(patches(image.width, image.height)) * one.factor));
      return {exact, exact};
    }
    const bool gpt5 = model == "gpt-5" || model.starts_with("gpt-5-2");  // gpt-5-2025-08-07
    const bool gpt41 = model == "gpt-4.1" || model.starts_with("gpt-4.1-2");
    for (const Tiled& one : kTiled) {
      const Tiled& as = gpt5 ? kTiled.back() : gpt41 ? kTiled[1] : one;
      if (!gpt5 && !gpt41 && !model.starts_with(one.model)) continue;
      if (image.low) return {as.base, as.base};
      const std::int64_t most = as.base + as.tile * kMostTiles;
      if (!known) return {as.base + as.tile * 4, most};  // 1024 × 1024
      const std::int64_t exact = as.base + as.tile * tiles(image.width, image.height);
      return {exact, exact};
    }
    return {1445, kMostKnown};
  }
  if (type == "anthropic") {
    // Width × height / 750, scaled down to 1568 on the long side; 2576 and 4784 tokens at most on newer models.
    const double area = static_cast<double>(image.width) * image.height;
    return {known ? static_cast<std::int64_t>(std::min(1600.0, std::ceil(area / 750))) : 1600, 4784};
  }
  return {1120, kMostKnown};
}

}  // namespace fairlead::llm::internal
