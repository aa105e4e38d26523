#include <gtest/gtest.h>

#include "platform/expr/json.h"
#include "platform/expr/type.h"
#include "platform/json/text.h"

namespace fairlead::expr {
namespace {

TEST(Value, ViewsJsonWithoutACopy) {
  const auto document = json::parse(R"({"name": "ada", "tags": ["a", 1, 2.5, null], "deep": {"x": true}})").value();
  const Value map = Value::json(document);
  Value name;
  std::uint64_t steps = 0;
  ASSERT_TRUE(map.find("name", name, steps));
  EXPECT_EQ(name.as_text(), "ada");
  EXPECT_EQ(name.as_text().data(), document.at("name").as_string().data());
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(map.key(2).as_text(), "deep");
  EXPECT_EQ(json::to_text(to_json(map)), json::to_text(document));
}

TEST(Value, TakesNumbersInJsonForWhatTheyAreDeclaredAs) {
  const auto document = json::parse("[1, 18446744073709551615, 2.5]").value();
  EXPECT_TRUE(Value::json(document).item(0).is(Kind::kInt));
  EXPECT_TRUE(Value::json(document).item(1).is(Kind::kUint));
  EXPECT_TRUE(Value::json(document, Numbers::kDouble).item(0).is(Kind::kDouble));
  EXPECT_TRUE(Value::json(document, Numbers::kUint).item(0).is(Kind::kUint));
}

TEST(Value, IsWrittenAsProtobufWritesJson) {
  const Entry entries[] = {{Value::integer(1), Value::bytes("\x01\xff")},
                           {Value::boolean(true), Value::duration(1'500'000'000)}};
  EXPECT_EQ(json::to_text(to_json(Value::map(entries))), R"({"1":"Af8=","true":"1.5s"})");
  const Value items[] = {Value::timestamp(1, 500), Value::type(Kind::kMap), Value::number(1.0 / 0.0)};
  EXPECT_EQ(json::to_text(to_json(Value::list(items))), R"(["1970-01-01T00:00:01.0000005Z","map","Infinity"])");
}

TEST(Type, SaysWhatFits) {
  const Type numbers = Type::list(Kind::kInt);
  EXPECT_TRUE(compatible(numbers, Type::list({})));
  EXPECT_FALSE(compatible(numbers, Type::list(Kind::kString)));
  EXPECT_EQ(joined(numbers, Type::list(Kind::kString)).text(), "list(dyn)");
  EXPECT_EQ(Type::map(Kind::kString, Kind::kDouble).text(), "map(string, double)");
}

TEST(Environment, TakesNamesThatAnExpressionCanSay) {
  Environment environment;
  EXPECT_TRUE(environment.declare("locale", Kind::kString));
  EXPECT_TRUE(environment.declare("request.time", Kind::kTimestamp));
  EXPECT_FALSE(environment.declare("locale", Kind::kInt));
  for (const char* const name : {"", "true", "in", "for", "a-b", "1a", "a.", ".a", "a..b"})
    EXPECT_FALSE(environment.declare(name, {})) << name;
}

}  // namespace
}  // namespace fairlead::expr
