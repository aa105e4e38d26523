#include "platform/json/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "platform/json/text.h"

namespace fairlead::json {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The faults as "pointer keyword message" lines.
std::vector<std::string> faults(std::string_view schema, std::string_view instance, std::size_t limit = 20) {
  const auto compiled = Schema::parse(schema);
  if (!compiled) return {"schema: " + compiled.error().message};
  std::vector<std::string> out;
  for (const SchemaError& fault : compiled->validate(*parse(instance), limit)) {
    out.push_back(fault.pointer + " " + fault.keyword + " " + fault.message);
  }
  return out;
}

constexpr std::string_view kPrompt = R"({
  "type": "object", "additionalProperties": false, "required": ["messages"],
  "properties": {
    "locale": {"enum": ["en", "ru"]},
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "messages": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["role"]}},
    "name": {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^[a-z]+$"}
  }})";

TEST(SchemaMessages, AreForPeople) {
  EXPECT_THAT(faults(kPrompt, R"({"messages": [{"role": 1}]})"), ElementsAre());
  EXPECT_THAT(faults(kPrompt, R"({})"), ElementsAre(" required `messages` is missing"));
  EXPECT_THAT(
      faults(kPrompt, R"({"messages": [], "locale": "eng"})"),
      ElementsAre("/messages minItems must not be empty", "/locale enum must be one of en, ru; did you mean `en`?"));
  EXPECT_THAT(faults(kPrompt, R"({"mesages": []})"),
              ElementsAre(" required `messages` is missing",
                          "/mesages additionalProperties unknown member `mesages`; did you mean `messages`?"));
  EXPECT_THAT(
      faults(kPrompt, R"({"messages": [{}, 5], "zzz": 1})"),
      ElementsAre("/messages/0 required `role` is missing", "/messages/1 type must be an object, not a number",
                  "/zzz additionalProperties unknown member `zzz`; known: locale, temperature, messages, name"));
  EXPECT_THAT(
      faults(kPrompt, R"({"messages": [{"role": 1}], "temperature": 2.5, "name": "Fairlead"})"),
      ElementsAre("/temperature maximum must be at most 2", "/name maxLength must have at most 5 characters, not 8",
                  "/name pattern must match the pattern `^[a-z]+$`"));
}

TEST(SchemaMessages, EscapePointers) {
  EXPECT_THAT(faults(R"({"additionalProperties": {"type": "string"}})", R"({"a/b~c": 1, "": 2})"),
              ElementsAre("/a~1b~0c type must be a string, not a number", "/ type must be a string, not a number"));
}

TEST(SchemaMessages, StopAtTheLimit) {
  EXPECT_EQ(faults(R"({"items": {"type": "string"}})", "[1, 2, 3, 4]", 2).size(), 2u);
}

constexpr std::string_view kContent = R"({"oneOf": [
  {"type": "string"},
  {"type": "object", "required": ["file"], "additionalProperties": false, "properties": {"file": {"type": "string"}}}]})";

TEST(SchemaMessages, OfAlternativesAreThoseOfTheNearest) {
  EXPECT_THAT(faults(kContent, R"({"flie": "x.md"})"),
              ElementsAre(" required `file` is missing",
                          "/flie additionalProperties unknown member `flie`; did you mean `file`?"));
  EXPECT_THAT(faults(kContent, R"({"file": 5})"), ElementsAre("/file type must be a string, not a number"));
  EXPECT_THAT(faults(kContent, "5"), ElementsAre(" oneOf must be a string, or an object with `file`"));
  EXPECT_THAT(
      faults(R"({"oneOf": [{"properties": {"type": {"const": "a"}, "x": {"type": "string"}}, "required": ["type"]},
                                   {"properties": {"type": {"const": "b"}, "y": {"type": "string"}}, "required": ["type"]}]})",
             R"({"type": "b", "y": 1})"),
      ElementsAre("/y type must be a string, not a number"));
}

TEST(SchemaCompile, SaysWhatIsWrongAndWhere) {
  const auto error = [](std::string_view schema) {
    const auto compiled = Schema::parse(schema);
    return compiled ? Error{.message = "compiled"} : compiled.error();
  };
  EXPECT_THAT(error(R"({"properties": {"a": {"type": "strng"}}})").message, HasSubstr("Did you mean `string`?"));
  EXPECT_EQ(error(R"({"properties": {"a/b": {"type": "strng"}}})").param, "/properties/a~1b/type");
  EXPECT_THAT(error(R"({"$ref": "#/$defs/lcale", "$defs": {"locale": {}}})").message,
              HasSubstr("Did you mean `locale`?"));
  EXPECT_THAT(error(R"j({"pattern": "(?=x)"})j").message, HasSubstr("look-ahead"));
  EXPECT_THAT(error(R"j({"pattern": "(a)\\1"})j").message, HasSubstr("back-reference"));
  EXPECT_THAT(error(R"({"pattern": "["})").message, HasSubstr("missing"));
  EXPECT_THAT(error(R"({"$ref": "https://example.com/x"})").message, HasSubstr("none is fetched"));
  for (const char* schema :
       {"5", R"({"items": 5})", R"({"required": "a"})", R"({"minLength": -1})", R"({"multipleOf": 0})",
        R"({"allOf": []})", R"({"$id": 5})", R"({"properties": []})", R"({"minimum": "1"})"}) {
    EXPECT_EQ(error(schema).code, "invalid_schema") << schema;
  }
}

TEST(SchemaPattern, FollowsEcmaScript) {
  const auto matches = [](std::string_view pattern, std::string_view text) {
    return faults("{\"pattern\": " + json::quoted(pattern) + "}", json::quoted(text)).empty();
  };
  EXPECT_TRUE(matches("^\\d+$", "042"));
  EXPECT_FALSE(matches("^\\d+$", "42\n"));  // $ is the end, not the end of the last line
  EXPECT_FALSE(matches("^\\d+$", "٤٢"));    // ASCII digits only
  EXPECT_TRUE(matches("^\\s$", "\u00a0"));
  EXPECT_TRUE(matches("^[\\s]$", "\ufeff"));
  EXPECT_FALSE(matches("^\\S$", "\u2003"));
  EXPECT_FALSE(matches("^.$", "\u2028"));
  EXPECT_TRUE(matches("^.$", "😀"));  // one code point
  EXPECT_TRUE(matches("^\\u{1F600}\\uD83D\\uDE00$", "😀😀"));
  EXPECT_TRUE(matches("^\\p{Letter}+$", "éß"));
  EXPECT_TRUE(matches("^\\p{Script=Cyrillic}+$", "да"));
  EXPECT_TRUE(matches("^(?<year>[0-9]{4})\\/\\-[^]\\cJ\\x41$", "2026/-?\nA"));
  EXPECT_FALSE(matches("[]", "a"));
  EXPECT_TRUE(matches("b", "abc"));  // not anchored
}

TEST(SchemaBounds, EndWhateverTheSchemaSays) {
  EXPECT_THAT(faults(R"({"$ref": "#"})", "1"), ElementsAre(HasSubstr("cannot be checked within bounds")));
  EXPECT_THAT(faults(R"({"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "type": "string"})", R"("x")"),
              testing::Contains(HasSubstr("cannot be checked within bounds")));
  // Two ways at each of 60 levels: 2^60 without the bound.
  std::string schema = R"({"$defs": {"l0": {"type": "string"})";
  for (int i = 1; i <= 60; ++i) {
    const std::string ref = "{\"$ref\": \"#/$defs/l" + std::to_string(i - 1) + "\"}";
    schema += ", \"l" + std::to_string(i) + "\": {\"anyOf\": [" + ref + ", " + ref + "]}";
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(faults(schema + R"(}, "$ref": "#/$defs/l60"})", "1").empty());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  // Exponential in a backtracking matcher.
  EXPECT_FALSE(faults(R"({"pattern": "^(a+)+$"})", json::quoted(std::string(50'000, 'a') + "b")).empty());
}

TEST(SchemaBounds, MultiplesAreDecimal) {
  EXPECT_TRUE(faults(R"({"multipleOf": 0.01})", "19.99").empty());
  EXPECT_TRUE(faults(R"({"multipleOf": 0.0001})", "0.0075").empty());
  EXPECT_FALSE(faults(R"({"multipleOf": 0.01})", "19.999").empty());
  EXPECT_FALSE(faults(R"({"multipleOf": 7})", "1e308").empty());
  EXPECT_TRUE(faults(R"({"multipleOf": 1e-300})", "18446744073709551615").empty());
  EXPECT_FALSE(faults(R"({"multipleOf": 1e300})", "5").empty());
}

}  // namespace
}  // namespace fairlead::json
