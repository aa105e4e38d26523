#include "llm/tokens/internal/model_table.h"

#include <algorithm>
#include <array>

namespace fairlead::llm::internal {
namespace {

// OpenAI's own list: tiktoken 0.12, tiktoken/model.py. The name itself, or with what follows a hyphen.
struct Entry {
  std::string_view name;
  Ranks ranks;
};
constexpr std::array<Entry, 16> kModels = {
    {{"gpt-4o", Ranks::kO200k},
     {"chatgpt-4o", Ranks::kO200k},
     {"gpt-4.1", Ranks::kO200k},
     {"gpt-4.5", Ranks::kO200k},
     {"gpt-5", Ranks::kO200k},
     {"o1", Ranks::kO200k},
     {"o3", Ranks::kO200k},
     {"o4-mini", Ranks::kO200k},
     {"gpt-oss", Ranks::kO200k},  // o200k_harmony: the same but for special tokens
     {"gpt-4", Ranks::kCl100k},
     {"gpt-3.5", Ranks::kCl100k},
     {"gpt-35", Ranks::kCl100k},  // Azure's spelling
     {"davinci-002", Ranks::kCl100k},
     {"babbage-002", Ranks::kCl100k},
     {"text-embedding-3", Ranks::kCl100k},
     {"text-embedding-ada-002", Ranks::kCl100k}}};

bool is_or_begins(std::string_view model, std::string_view name) {
  return model.starts_with(name) && (model.size() == name.size() || model[name.size()] == '-');
}

}  // namespace

std::string_view bare_model(std::string_view upstream_model) {
  const std::size_t slash = upstream_model.rfind('/');
  return slash == std::string_view::npos ? upstream_model : upstream_model.substr(slash + 1);
}

KnownRanks ranks_of(std::string_view provider_type, std::string_view upstream_model) {
  std::string_view model = bare_model(upstream_model);
  const bool openai = provider_type == "openai" || provider_type == "azure" ||
                      (provider_type == "openrouter" && upstream_model.starts_with("openai/"));
  if (model.starts_with("ft:")) {
    model.remove_prefix(3);
    model = model.substr(0, model.find(':'));
  }
  if (!openai && !is_or_begins(model, "gpt-oss")) return {};
  const auto found = std::ranges::find_if(kModels, [&](const Entry& one) { return is_or_begins(model, one.name); });
  if (found != kModels.end()) return {found->ranks, true};
  const bool family =
      model.starts_with("gpt-") || (model.size() > 1 && model[0] == 'o' && model[1] >= '0' && model[1] <= '9');
  return family ? KnownRanks{Ranks::kO200k, false} : KnownRanks{};
}

KnownRanks ranks_of(const Route& route) {
  return ranks_of(route.provider->type(), route.upstream_model);
}

}  // namespace fairlead::llm::internal
