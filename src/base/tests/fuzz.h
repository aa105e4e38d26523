// The loop of a fuzz program, which is called as PROGRAM [SECONDS 10 [SEED [SUBJECT]]].
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace fairlead {

struct FuzzSubject {
  std::string name;
  // Makes a text, has it read, and says what is wrong with that; nothing if all is well.
  std::function<std::string(std::string& text)> round;
};

// Gives each subject, or the one that was named, its rounds in turn until the time is up. At the first fault it prints
// the text and returns 1.
inline int fuzz(int argc, char** argv, const std::function<std::vector<FuzzSubject>(std::uint64_t seed)>& subjects_of) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 10;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device()();
  std::vector<FuzzSubject> subjects = subjects_of(seed);
  if (argc > 3) std::erase_if(subjects, [&](const FuzzSubject& one) { return one.name != argv[3]; });
  if (subjects.empty()) {
    std::fprintf(stderr, "there is no subject of that name\n");
    return 2;
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  unsigned long long rounds = 0;
  for (; rounds % 256 != 0 || std::chrono::steady_clock::now() < until; ++rounds) {
    const FuzzSubject& subject = subjects[rounds % subjects.size()];
    std::string text;
    const std::string fault = subject.round(text);
    if (fault.empty()) continue;
    std::fprintf(stderr, "%s, seed %llu, after %llu rounds: %s\n", subject.name.c_str(),
                 static_cast<unsigned long long>(seed), rounds, fault.c_str());
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fputc('\n', stderr);
    return 1;
  }
  std::printf("%llu rounds without a fault, seed %llu\n", rounds, static_cast<unsigned long long>(seed));
  return 0;
}

}  // namespace fairlead
