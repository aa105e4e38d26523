// Counts what a scanner finds in labelled texts, by token.
//
// A token is a run of letters and digits; it counts as an entity's if a span touches it. F2 = 5PR / (4P + R).
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::pii {

struct Label {
  std::size_t start, end;  // characters
  std::string entity;
};
struct LabelledText {
  std::string text;
  std::vector<Label> labels;
};

// Of a file of presidio-research, [{full_text, spans: [{entity_type, start_position, end_position}]}], offsets in
// characters; or, if its name ends with .tsv, of lines `TEXT\tSTART END ENTITY;…`, offsets in bytes, as
// tools/train-names writes them. Nothing if it cannot be read.
std::optional<std::vector<LabelledText>> read_labelled(const std::string& path);

// The split is by a fixed hash: a text is reported if the first four bytes of its SHA-256 are, as a number, under 40
// modulo 100; training and tuning may see the others.
bool is_reported(const std::string& text);

struct Count {
  std::size_t right = 0, wrong = 0, missed = 0;
  double precision() const;
  double recall() const;
  double f2() const;
};
struct Tally {
  std::map<std::string, Count> by_entity;
  Count right_kind;  // all, an entity that is taken for another is both wrong and missed
  Count any;         // all, as what is to be hidden: whichever entity it is taken for
};

// `find` gives what was found in the text of a number. Entities that `counted` refuses are no labels. `report` is
// called with each kind of error in a text.
Tally tally(const std::vector<LabelledText>& texts,
            const std::function<std::vector<Label>(std::size_t, const std::string&)>& find,
            const std::function<bool(std::string_view)>& counted,
            const std::function<void(const std::string& kind, std::size_t text)>& report = {});

}  // namespace fairlead::pii
