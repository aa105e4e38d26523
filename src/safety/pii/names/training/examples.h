// Labelled texts to train and measure the tagger with.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "safety/pii/names/internal/model.h"
#include "safety/pii/names/internal/tokens.h"

namespace fairlead::pii::names {

struct Labelled {  // bytes
  std::size_t start, end;
  std::string entity;
};
struct Example {
  std::string text;
  std::vector<Labelled> spans;
  bool aside = false;
};

// A corpus has a text a line, `TEXT\tSTART END ENTITY;…`, offsets in bytes, with \n, \t and \\ escaped, and `\taside`
// behind those from which a model that is trained without them learns what its scores mean. Ends the program with 2 if
// it cannot be read.
std::vector<Example> read_corpus(const std::string& path);

// What tokens [0, count) of an example are.
void gold_labels(const Example& example, const Token* tokens, std::size_t count, Label* out);

}  // namespace fairlead::pii::names
