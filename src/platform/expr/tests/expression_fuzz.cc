// expr_fuzz [SECONDS [SEED]]: compiles and evaluates mutated expressions; 1 and the source if one breaks a promise.
#include <cstdio>
#include <cstdlib>

#include "platform/expr/tests/mutations.h"

int main(int argc, char** argv) {
  const long seconds = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 10;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const auto report = fairlead::expr::evaluate_mutations(seed, std::chrono::seconds(seconds));
  std::printf("%zu sources, %zu compiled, %zu evaluated, longest %lld us\n", report.rounds, report.compiled,
              report.evaluated, static_cast<long long>(report.longest.count()));
  if (!report.fault.empty()) std::printf("FAULT %s\n", report.fault.c_str());
  return report.fault.empty() ? 0 : 1;
}
