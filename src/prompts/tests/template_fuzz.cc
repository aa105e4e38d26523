// prompts_fuzz [SECONDS [SEED]]: compiles and renders mutated templates; 1 and the source if one breaks a promise.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "platform/json/text.h"
#include "prompts/tests/mutations.h"

int main(int argc, char** argv) {
  std::ifstream in(FAIRLEAD_SOURCE_DIR "/src/prompts/tests/cases/templates.json");
  std::stringstream text;
  text << in.rdbuf();
  const auto cases = fairlead::json::parse(text.str());
  if (!cases) return std::fprintf(stderr, "%s\n", cases.error().message.c_str()), 2;
  const long seconds = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 10;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const auto report = fairlead::prompts::render_mutations(cases->as_array(), seed, std::chrono::seconds(seconds));
  std::printf("%zu sources, %zu compiled, %zu rendered, longest %lld us\n", report.rounds, report.compiled,
              report.rendered, static_cast<long long>(report.longest.count()));
  if (!report.fault.empty()) std::printf("FAULT %s\n", report.fault.c_str());
  return report.fault.empty() ? 0 : 1;
}
