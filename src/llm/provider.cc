#include "llm/provider.h"

namespace fairlead::llm {

async::Task<Result<std::unique_ptr<Completion>>> Provider::call(NativeCall /*call*/) {
  co_return fail(ErrorKind::kUnsupported, "unsupported_by_provider",
                 "Provider `" + std::string(name()) + "` of type `" + std::string(type()) +
                     "` does not take requests of this kind.",
                 "model");
}

double cost_of(const Usage& usage, const Prices& prices) {
  const auto priced = [](std::int64_t tokens, double per_million) {
    return static_cast<double>(tokens) * per_million / 1e6;
  };
  return priced(usage.input - usage.cached_input - usage.cache_write, prices.input) +
         priced(usage.cached_input, prices.cached_input) + priced(usage.cache_write, prices.cache_write) +
         priced(usage.output - usage.reasoning, prices.output) + priced(usage.reasoning, prices.reasoning);
}

}  // namespace fairlead::llm
