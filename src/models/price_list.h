// The prices that come with the program: the newest of prices/*.yaml, which is made JSON when the program is built.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/price.h"

namespace fairlead::models {

struct ListedModel {
  llm::Prices prices;
  std::int64_t context_length = 0, max_output_tokens = 0;  // 0: not stated
  std::string vendor, source;                              // "OpenAI", the vendor's page
};

// Immutable.
class PriceList {
 public:
  // Read when it is first asked for. Thread-safe.
  static const PriceList& shipped();
  // Error: what is wrong with the text, and where.
  static Result<PriceList> parse(std::string_view text);

  // Null: not listed.
  const ListedModel* find(std::string_view provider_type, std::string_view upstream_model) const;
  const std::string& as_of() const { return as_of_; }                                        // "2026-11-26"
  const std::map<std::string, ListedModel, std::less<>>& models() const { return models_; }  // by "type model"

 private:
  std::string as_of_;
  std::map<std::string, ListedModel, std::less<>> models_;
};

}  // namespace fairlead::models
