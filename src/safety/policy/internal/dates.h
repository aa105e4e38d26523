// Dates as people write them, in English and Russian.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::policy {

struct WrittenDate {
  int year = 0, month = 0, day = 0;  // year 0: it says none
  // How it is written: the pieces in their order, 'd', 'm', 'y' with what they are, else text.
  struct Piece {
    char what = 't';
    std::string text;  // of 't'; of 'm' in letters, the name as it was
    int digits = 0;    // of a number, how many it was padded to; 0: letters
    bool genitive = false, russian = false, short_name = false, capital = false;
  };
  std::vector<Piece> pieces;
};

std::optional<WrittenDate> read_date(std::string_view text);
std::string write_date(const WrittenDate& like, int year, int month, int day);
// So many days on.
void move_date(int& year, int& month, int& day, int days);
// The usual ways to write a day: "1990-05-12", "12.05.1990", "12 мая 1990", "May 12, 1990", "12 May 1990".
std::vector<std::string> ways_to_write(int year, int month, int day);

}  // namespace fairlead::policy
