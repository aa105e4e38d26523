// The list of vendors: one line each.
#include <algorithm>

#include "providers/anthropic/provider.h"
#include "providers/bedrock/provider.h"
#include "providers/gemini/provider.h"
#include "providers/gigachat/provider.h"
#include "providers/internal/vendor.h"
#include "providers/openai/provider.h"
#include "providers/yandexgpt/provider.h"

namespace fairlead::providers::internal {

const std::vector<Vendor>& vendors() {
  static const std::vector<Vendor> kVendors = [] {
    std::vector<Vendor> all = openai::vendors();  // OpenAI itself, and who speaks as it does
    all.push_back(anthropic::vendor());
    all.push_back(gemini::vendor());
    all.push_back(bedrock::vendor());
    all.push_back(yandexgpt::vendor());
    all.push_back(gigachat::vendor());
    return all;
  }();
  return kVendors;
}

const Vendor* find_vendor(std::string_view type) {
  const auto found = std::ranges::find(vendors(), type, &Vendor::type);
  return found == vendors().end() ? nullptr : &*found;
}

}  // namespace fairlead::providers::internal
