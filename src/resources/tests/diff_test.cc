#include "resources/diff.h"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>

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
