#include "llm/tokens/internal/model_table.h"

#include <algorithm>
#include <array>

namespace fairlead::llm::internal {
namespace {

struct Entry {
  std::string_view prefix;
  Ranks ranks;
};
// The first that fits. tiktoken, tiktoken/model.py (0.12), which is OpenAI's own list.
constexpr std::array<Entry, 21> kModels = {{{"gpt-4o", Ranks::kO200k},
                                            {"gpt-4.1", Ranks::kO200k},
                                            {"gpt-4.5", Ranks::kO200k},
                                            {"gpt-4", Ranks::kCl100k},
                                            {"gpt-5", Ranks::kO200k},
                                            {"gpt-3.5", Ranks::kCl100k},
                                            {"gpt-35", Ranks::kCl100k},  // Azure's spelling
                                            {"gpt-oss", Ranks::kO200k},
                                            {"chatgpt-4o", Ranks::kO200k},
                                            {"o1", Ranks::kO200k},
                                            {"o3", Ranks::kO200k},
                                            {"o4", Ranks::kO200k},
                                            {"ft:gpt-4o", Ranks::kO200k},
                                            {"ft:gpt-4.1", Ranks::kO200k},
                                            {"ft:gpt-4", Ranks::kCl100k},
                                            {"ft:gpt-3.5", Ranks::kCl100k},
                                            {"ft:o4", Ranks::kO200k},
                                            {"text-embedding-3", Ranks::kCl100k},
                                            {"text-embedding-ada-002", Ranks::kCl100k},
                                            {"davinci-002", Ranks::kCl100k},
                                            {"babbage-002", Ranks::kCl100k}}};

}  // namespace

std::string_view bare_model(std::string_view upstream_model) {
  const std::size_t slash = upstream_model.rfind('/');
  return slash == std::string_view::npos ? upstream_model : upstream_model.substr(slash + 1);
}

Ranks ranks_of(std::string_view provider_type, std::string_view upstream_model) {
  const std::string_view model = bare_model(upstream_model);
  const bool openai = provider_type == "openai" || provider_type == "azure" ||
                      (provider_type == "openrouter" && upstream_model.starts_with("openai/"));
  if (!openai && !model.starts_with("gpt-oss")) return Ranks::kNone;
  const auto found = std::ranges::find_if(kModels, [&](const Entry& one) { return model.starts_with(one.prefix); });
  return found == kModels.end() ? Ranks::kNone : found->ranks;
}

Ranks ranks_of(const Route& route) {
  return ranks_of(route.provider->type(), route.upstream_model);
}

}  // namespace fairlead::llm::internal
