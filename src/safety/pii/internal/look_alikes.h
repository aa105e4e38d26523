// Letters of Cyrillic and Greek that look like Latin ones (Unicode's confusables.txt, UTS #39, those that are whole
// letters of these scripts).
#pragma once

namespace fairlead::pii {

char32_t latin_of(char32_t code);     // the same if it looks like none
char32_t cyrillic_of(char32_t code);  // of a Latin letter; the same if it looks like none

constexpr bool is_ascii_word(unsigned char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}
bool is_other_letter(char32_t code);  // beyond ASCII: a letter, or a mark on one

// What stands in a word, as bits to be joined; and what to do with a word of such: 1 make it Latin, -1 make it
// Cyrillic, 0 leave it.
unsigned script_bits(char32_t code);
int way_to_fold(unsigned bits);

}  // namespace fairlead::pii
