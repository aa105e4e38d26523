// The list of vendors: one line each.
#include <algorithm>

#include "providers/anthropic/provider.h"
#include "providers/internal/vendor.h"
#include "providers/openai/provider.h"

namespace fairlead::providers::internal {

const std::vector<Vendor>& vendors() {
  static const std::vector<Vendor> kVendors = [] {
    std::vector<Vendor> all = openai::vendors();  // OpenAI itself, and who speaks as it does
    all.push_back(anthropic::vendor());
    return all;
  }();
  return kVendors;
}

const Vendor* find_vendor(std::string_view type) {
  const auto found = std::ranges::find(vendors(), type, &Vendor::type);
  return found == vendors().end() ? nullptr : &*found;
}

}  // namespace fairlead::providers::internal
