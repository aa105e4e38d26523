#include "prompts/internal/language.h"

#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

#include <array>
#include <cstdio>  // which the next one takes for granted
#include <vector>

#include "platform/json/text.h"

namespace fairlead::prompts::internal {
namespace {

constexpr std::size_t kMostBytes = 2048;

}  // namespace

std::string language_of(std::string_view text) {
  text = text.substr(0, kMostBytes);
  text = text.substr(0, json::valid_utf8_prefix(text));
  const CLD2::CLDHints no_hints{nullptr, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
  std::array<CLD2::Language, 3> languages{};
  std::array<int, 3> percents{};
  std::array<double, 3> scores{};
  int bytes = 0;
  bool reliable = false;
  const CLD2::Language found = CLD2::ExtDetectLanguageSummary(
      text.data(), static_cast<int>(text.size()), true, &no_hints, CLD2::kCLDFlagBestEffort, languages.data(),
      percents.data(), scores.data(), nullptr, &bytes, &reliable);
  if (!reliable || found == CLD2::UNKNOWN_LANGUAGE) return "und";
  const std::string_view code = CLD2::LanguageCode(found);
  return std::string(code.substr(0, code.find('-')));
}

}  // namespace fairlead::prompts::internal
