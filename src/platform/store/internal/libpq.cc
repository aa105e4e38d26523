#include "platform/store/internal/libpq.h"

#include <dlfcn.h>

#include <optional>
#include <string>

namespace fairlead::store {
namespace {

struct Loaded {
  Libpq functions;
  std::optional<std::string> fault;
};

Loaded load_all() {
  Loaded out;
  void* const library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    out.fault = dlerror();
    return out;
  }
#define X(name)                                                                               \
  out.functions.name = reinterpret_cast<decltype(out.functions.name)>(dlsym(library, #name)); \
  if (out.functions.name == nullptr) out.fault = #name " is missing in libpq.so.5";
  FAIRLEAD_LIBPQ(X)
#undef X
  return out;
}

}  // namespace

Result<const Libpq*> Libpq::load() {
  static const Loaded loaded = load_all();
  if (loaded.fault)
    return fail(ErrorKind::kUnavailable, "store_unavailable",
                "PostgreSQL's client library, version 14 or later, cannot be loaded (" + *loaded.fault +
                    "). Install Debian's package libpq5.");
  return &loaded.functions;
}

}  // namespace fairlead::store
