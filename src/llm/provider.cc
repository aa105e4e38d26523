#include "llm/provider.h"

namespace fairlead::llm {

async::Task<Result<std::unique_ptr<Completion>>> Provider::call(NativeCall /*call*/) {
  co_return fail(ErrorKind::kUnsupported, "unsupported_by_provider",
                 "Provider `" + std::string(name()) + "` of type `" + std::string(type()) +
                     "` does not take requests of this kind.",
                 "model");
}

async::Task<Result<std::int64_t>> Provider::count(Format /*format*/, std::span<const Member> /*members*/,
                                                  CallContext /*context*/) {
  co_return fail(ErrorKind::kUnsupported, "unsupported_by_provider",
                 "Provider `" + std::string(name()) + "` cannot be asked how many tokens a text has.", "model");
}

std::string_view to_string(PricesFrom from) {
  switch (from) {
    case PricesFrom::kUnknown:
      break;
    case PricesFrom::kRoute:
      return "route";
    case PricesFrom::kModel:
      return "model";
    case PricesFrom::kFile:
      return "file";
    case PricesFrom::kLocal:
      return "local";
  }
  return "unknown";
}

}  // namespace fairlead::llm
