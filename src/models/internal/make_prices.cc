// make_prices FROM TO: a price list as JSON, when the program is built; what is wrong with the YAML ends the build.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "platform/config/yaml.h"
#include "platform/json/text.h"

int main(int count, char** words) {
  if (count != 3) return std::fputs("usage: make_prices FROM TO\n", stderr), 2;
  std::ifstream in(words[1], std::ios::binary);
  const std::string yaml{std::istreambuf_iterator<char>(in), {}};
  const auto documents = fairlead::config::load_yaml(yaml, words[1]);
  if (!documents || documents->size() != 1) {
    std::fprintf(stderr, "%s\n", documents ? "it is not one document" : documents.error().message.c_str());
    return 1;
  }
  std::ofstream out(words[2], std::ios::binary);
  out << fairlead::json::to_text((*documents)[0].value);
  return out.flush() ? 0 : 1;
}
