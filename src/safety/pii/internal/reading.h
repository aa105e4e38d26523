// A text while it is looked at by the pattern detector.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "safety/pii/detector.h"
#include "safety/pii/internal/context.h"

namespace fairlead::pii {

struct Reading {
  std::string_view text;
  const Context& context;
  double least;  // nothing with a lower score is wanted
  std::vector<Finding>& out;

  char at(std::size_t i) const { return i < text.size() ? text[i] : '\0'; }
  char before(std::size_t i) const { return i > 0 ? text[i - 1] : '\0'; }
  // A letter, digit or underscore stands right there, in any script.
  bool word_before(std::size_t start) const;
  bool word_behind(std::size_t end) const;
  // What is asked of words: the topic's nearest, and how far words on other things take a score down.
  Near near(std::size_t start, std::size_t end, Topic topic) const { return context.near(text, start, end, topic); }
  double taken_off(std::size_t start, std::size_t end, const Near& topic) const;

  void add(std::size_t start, std::size_t end, std::string_view entity, double score, std::string_view what,
           const Near& near = {}, bool container = false) const;
};

// Scores of what was recognised without and with a word near it.
struct Scores {
  double alone, near;
};
double score_of(Scores scores, const Near& near);

}  // namespace fairlead::pii
