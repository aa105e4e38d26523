#include "resources/diff.h"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <random>

#include "platform/json/text.h"
#include "resources/internal/documents.h"
#include "resources/project.h"

namespace fairlead::resources {
namespace {

std::string differences(const char* from, const char* to) {
  std::string text;
  for (const Change& change : diff(json::parse(from)->get_object(), json::parse(to)->get_object())) {
    text += change.path + ": " + (change.from ? json::to_text(*change.from) : "-") + " > " +
            (change.to ? json::to_text(*change.to) : "-") + "\n";
  }
  return text;
}

}  // namespace

TEST(Diff, names_each_place_that_differs) {
  EXPECT_EQ(differences(R"({"a":1,"b":{"c":[1,2,{"d":"x"}]}})", R"({"a":1,"b":{"c":[1,2,{"d":"y"}]}})"),
            "b.c[2].d: \"x\" > \"y\"\n");
  EXPECT_EQ(differences(R"({"a":1})", R"({"b":1})"), "a: 1 > -\nb: - > 1\n");
  EXPECT_EQ(differences(R"({"a":[1]})", R"({"a":{"x":1}})"), "a: [1] > {\"x\":1}\n");
  EXPECT_EQ(differences(R"({"a.b":{"c d":1}})", R"({"a.b":{"c d":2}})"), "[\"a.b\"][\"c d\"]: 1 > 2\n");
  EXPECT_EQ(differences(R"({"a":[1,2]})", R"({"a":[1,2]})"), "");
}

TEST(Diff, takes_one_element_put_in_for_one_change) {
  EXPECT_EQ(differences(R"({"a":[1,2,3]})", R"({"a":[9,1,2,3]})"), "a[0]: - > 9\n");
  EXPECT_EQ(differences(R"({"a":[1,2,3]})", R"({"a":[1,3]})"), "a[1]: 2 > -\n");
  EXPECT_EQ(differences(R"({"a":[1,2]})", R"({"a":[1,2,3]})"), "a[2]: - > 3\n");
}

TEST(Diff, pairs_elements_that_a_reader_would) {
  EXPECT_EQ(differences(R"({"a":[{"system":"x"},{"user":"q"},{"assistant":"z"}]})",
                        R"({"a":[{"user":"new"},{"system":"x"},{"user":"q!"},{"assistant":"z"}]})"),
            "a[0]: - > {\"user\":\"new\"}\na[2].user: \"q\" > \"q!\"\n");
  EXPECT_EQ(differences(R"({"a":[{"user":"q"}]})", R"({"a":[{"system":"s"},{"user":"r"}]})"),
            "a[0]: - > {\"system\":\"s\"}\na[1].user: \"q\" > \"r\"\n");
  // By name, where they have one.
  EXPECT_EQ(differences(R"({"a":[{"name":"ru","when":"x"},{"name":"de","when":"y"}]})",
                        R"({"a":[{"name":"fr","when":"x"},{"name":"de","when":"z"}]})"),
            "a[0]: {\"name\":\"ru\",\"when\":\"x\"} > -\na[0]: - > {\"name\":\"fr\",\"when\":\"x\"}\n"
            "a[1].when: \"y\" > \"z\"\n");
  // What only moved is not told word by word.
  EXPECT_EQ(differences(R"({"a":["x","y","z"]})", R"({"a":["x","z","y"]})"), "a[1]: \"y\" > -\na[2]: - > \"y\"\n");
  EXPECT_EQ(differences(R"({"a":[1,{"b":2}]})", R"({"a":[{"b":3},1]})"), "a[0]: - > {\"b\":3}\na[1]: {\"b\":2} > -\n");
}

// Put back into the first, what was found gives the second, whatever the lists are.
TEST(Diff, tells_all_of_two_lists) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    boost::json::array from, to;
    for (auto* list : {&from, &to})
      for (auto n = random() % 7; n > 0; --n) list->push_back(static_cast<int>(random() % 4));
    boost::json::array rebuilt = from;
    std::size_t taken = 0;
    std::vector<Change> changes = diff({{"a", from}}, {{"a", to}});
    const auto place = [](const Change& one) { return static_cast<std::size_t>(std::stoi(one.path.substr(2))); };
    for (auto one = changes.rbegin(); one != changes.rend(); ++one)
      if (one->from && !one->to) rebuilt.erase(rebuilt.begin() + place(*one)), ++taken;
    for (const Change& one : changes) {
      if (!one.from) rebuilt.insert(rebuilt.begin() + place(one), *one.to);
      if (one.from && one.to) {
        ASSERT_LT(place(one), to.size());
      }
    }
    for (const Change& one : changes)
      if (one.from && one.to) rebuilt.at(place(one)) = *one.to;
    ASSERT_EQ(json::to_text(rebuilt), json::to_text(to)) << json::to_text(from);
  }
}

TEST(Names, are_lower_case_and_short) {
  for (const char* good :
       {"a", "0", "support-reply", "a.b_c-d", "x23456789012345678901234567890123456789012345678901234567890123"})
    EXPECT_TRUE(is_name(good)) << good;
  for (const char* bad : {"", "A", "-a", ".a", "a b", "a/b", "ä", "a@1", "a:b",
                          "x234567890123456789012345678901234567890123456789012345678901234"}) {
    EXPECT_FALSE(is_name(bad)) << bad;
  }
}

TEST(Paths, read_as_people_write_them) {
  EXPECT_EQ(readable_path("/messages/0/system"), "messages[0].system");
  EXPECT_EQ(readable_path("/a~1b/c~0d"), "a/b.c~d");
  EXPECT_EQ(readable_path(""), "");
}

}  // namespace fairlead::resources
