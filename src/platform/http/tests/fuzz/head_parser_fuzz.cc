// head_parser_fuzz [SECONDS [SEED [SUBJECT]]]: mutates heads (requests, responses) and compares our parser with Beast's
// until the time is up. Exits 1 and prints the head at the first disagreement.
#include <memory>

#include "base/tests/fuzz.h"
#include "platform/http/tests/fuzz/beast_oracle.h"
#include "platform/http/tests/fuzz/mutations.h"

namespace fairlead::http {
namespace {

FuzzSubject heads(bool request, const std::shared_ptr<std::mt19937_64>& random) {
  return {request ? "requests" : "responses", [request, random](std::string& text) {
            const auto& seeds = request ? seed_requests() : seed_responses();
            text = mutate(seeds[(*random)() % seeds.size()], seeds, *random);
            const std::string fault = request ? compare_request(text) : compare_response(text);
            return fault.empty() ? compare_splits(text, request) : fault;
          }};
}

std::vector<FuzzSubject> subjects(std::uint64_t seed) {
  const auto random = std::make_shared<std::mt19937_64>(seed);
  return {heads(true, random), heads(false, random)};
}

}  // namespace
}  // namespace fairlead::http

int main(int argc, char** argv) {
  return fairlead::fuzz(argc, argv, fairlead::http::subjects);
}
