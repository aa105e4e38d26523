#include "prompts/template.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "platform/json/text.h"
#include "prompts/tests/mutations.h"

namespace fairlead::prompts {
namespace {

std::string file(const std::string& path) {
  std::ifstream in(std::string(FAIRLEAD_SOURCE_DIR) + "/" + path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

boost::json::object object(std::string_view text) {
  return json::parse(text)->as_object();
}

Result<std::string> render(std::string_view source, const boost::json::object& variables = {},
                           const Limits& limits = {}) {
  FAIRLEAD_TRY(auto compiled, Template::compile(source));
  return compiled.render(variables, limits);
}

std::string error_of(const Result<std::string>& result) {
  return result ? "output: " + result->substr(0, 100) : result.error().message;
}

// What Python's jinja2 made of some hundreds of templates: see tests/cases/expect.py.
TEST(Template, AgreesWithJinja2) {
  const auto cases = json::parse(file("src/prompts/tests/cases/templates.json"));
  ASSERT_TRUE(cases) << cases.error().message;
  ASSERT_GE(cases->as_array().size(), 150u);
  static const std::map<std::string, std::string> kErrors = {{"syntax", "template_syntax"},
                                                             {"undefined", "template_undefined"},
                                                             {"type", "template_type_error"},
                                                             {"value", "template_value_error"}};
  int more_precise = 0;
  for (const auto& one : cases->as_array()) {
    const auto& source = std::string(one.at("template").as_string());
    SCOPED_TRACE(source);
    const auto* error = one.as_object().if_contains("error");
    const auto compiled = Template::compile(source);
    if (!compiled) {
      EXPECT_TRUE(error && error->as_string() == "syntax") << compiled.error().message;
      EXPECT_EQ(compiled.error().code, "template_syntax");
      continue;
    }
    const auto result = compiled->render(one.at("variables").as_object());
    if (error) {
      ASSERT_FALSE(result) << "gave: " << *result;
      EXPECT_EQ(result.error().code, kErrors.at(std::string(error->as_string()))) << result.error().message;
    } else {
      EXPECT_EQ(result.value_or("error: " + error_of(result)), one.at("output").as_string());
    }
    if (const auto* free = one.as_object().if_contains("free")) {
      boost::json::array names;
      for (const auto& name : compiled->free_variables()) names.emplace_back(name);
      // jinja2 also names what every branch of an `if` sets: these two cases.
      if (json::to_text(names) != json::to_text(*free)) ++more_precise;
      for (const auto& name : compiled->free_variables())
        EXPECT_TRUE(std::ranges::find(free->as_array(), boost::json::value(name)) != free->as_array().end());
    }
  }
  EXPECT_EQ(more_precise, 2);
}

// Errors.

TEST(Template, SaysWhereTheSourceIsWrong) {
  const auto unknown = Template::compile("Hello\n  {{ name | uper }}");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "line 2, column 13: unknown filter `uper`. Did you mean `upper`?");
  EXPECT_EQ(error_of(render("{{ x is defned }}")), "line 1, column 9: unknown test `defned`. Did you mean `defined`?");
  EXPECT_EQ(error_of(render("é{% esle %}")), "line 1, column 5: unknown tag `esle`. Did you mean `else`?");
  EXPECT_EQ(error_of(render("a\nb {% if x %}c")), "line 2, column 6: this block has no `{% endif %}`.");
  EXPECT_EQ(error_of(render("{% include 'x' %}")),
            "line 1, column 4: `include` is not offered: a prompt's template stands alone.");
  EXPECT_EQ(error_of(render("\xff{{ x }}")), "a template is UTF-8 text, and this one is not.");
}

TEST(Template, SaysWhereARenderFailed) {
  const auto variables = object(R"({"user": {"name": "Ana", "tier": 1}})");
  EXPECT_EQ(error_of(render("Hi\n{{ user.nme }}", variables)),
            "line 2, column 9: a mapping has no attribute `nme`. Did you mean `name`?");
  EXPECT_EQ(error_of(render("{{ usr }}", variables)), "line 1, column 4: `usr` is undefined.");
  EXPECT_EQ(error_of(render("{{ 'a' + user.tier }}", variables)),
            "line 1, column 8: `+` does not work with a string and an integer. To join text, use `~`.");
  EXPECT_EQ(error_of(render("{{ 1 // 0 }}")), "line 1, column 6: division by zero.");
}

// What is given is data.

TEST(Template, NeverReadsVariablesAsTemplates) {
  const auto variables =
      object(R"({"x": "{{ 7 * 7 }}{% for i in range(9) %}{{ secret }}{% endfor %}{# c #}", "secret": "S"})");
  EXPECT_EQ(*render("{{ x }}", variables), "{{ 7 * 7 }}{% for i in range(9) %}{{ secret }}{% endfor %}{# c #}");
  EXPECT_EQ(*render("{% set y %}{{ x }}{% endset %}{% filter trim %}{{ y ~ '' }}{% endfilter %}", variables),
            "{{ 7 * 7 }}{% for i in range(9) %}{{ secret }}{% endfor %}{# c #}");
  EXPECT_EQ(*render("{{ ['{{ secret }}']|map('upper')|join ~ '%s'|format('{{ secret }}') }}", variables),
            "{{ SECRET }}{{ secret }}");
}

TEST(Template, GivesNoWayToWhatIsNotData) {
  for (const auto* source :
       {"{{ ''.__class__ }}", "{{ x.__init__.__globals__ }}", "{{ [].__class__.__mro__ }}", "{{ self }}",
        "{{ config }}", "{{ request }}", "{{ cycler.__init__ }}", "{{ lipsum }}", "{{ range.__self__ }}",
        "{{ '{0.__class__}'.format(x) }}", "{{ x|attr('__class__') }}", "{{ namespace.__init__ }}", "{{ loop }}"}) {
    const auto result = render(source, object(R"({"x": "text"})"));
    EXPECT_FALSE(result) << source << " gave " << *result;
  }
}

// Bounds: each of these would run long, write much or nest deep.

struct Bound {
  const char* name;
  std::string source;
};

std::string repeated(std::string_view piece, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += piece;
  return out;
}

TEST(Template, EndsWhateverTheSource) {
  const Bound kSources[] = {
      {"loop", "{% for i in range(10**9) %}x{% endfor %}"},
      {"empty loop", "{% for i in range(10**15) %}{% endfor %}"},
      {"filtered loop", "{% for i in range(10**9) if false %}{% endfor %}"},
      {"nested loops", "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"},
      {"list of a range", "{{ range(10**9)|list|length }}"},
      {"sum of a range", "{{ range(10**9)|sum }}"},
      {"string times", "{{ 'a' * 10**9 }}"},
      {"string times and times", "{{ ('a' * 10**6) * 10**6 }}"},
      {"string times the largest", "{{ 'abc' * 9223372036854775807 }}"},
      {"list times", "{{ [1] * 10**9 }}"},
      {"empty list times", "{{ ([] * 9223372036854775807)|length }}"},
      {"empty string times", "{{ ('' * 9223372036854775807)|length }}"},
      {"doubling",
       "{% set ns = namespace(s='a') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s|length "
       "}}"},
      {"doubling a list",
       "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l|length "
       "}}"},
      {"nested list printed",
       "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}"},
      {"deep list printed",
       "{% set ns = namespace(l=[1]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}"},
      {"deep list compared",
       "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% set ns.m = [ns.m] %}"
       "{% endfor %}{{ ns.l == ns.m }}{{ ns.l < ns.m }}"},
      {"deep tuple as key",
       "{% set ns = namespace(l=(1,)) %}{% for i in range(5000) %}{% set ns.l = (ns.l,) %}{% endfor %}{{ {ns.l: 1} }}"},
      {"deep to JSON",
       "{% set ns = namespace(l=[1]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|tojson }}"},
      {"namespace in itself", "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}"},
      {"recursive macro", "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}"},
      {"mutual recursion", "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}"},
      {"recursion in a default", "{% macro f(a=f()) %}{% endmacro %}{{ f() }}"},
      {"recursion through map", "{% macro f(n) %}{{ [1]|map('default')|list }}{{ f(n) }}{% endmacro %}{{ f(1) }}"},
      {"tree of macros",
       "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(50) }}"},
      {"padding", "{{ 'a'.ljust(10**9) }}"},
      {"centering", "{{ 'a'|center(10**12) }}"},
      {"format width", "{{ '%999999999d'|format(1) }}"},
      {"format precision", "{{ '{:.999999999f}'.format(1.5) }}"},
      {"indent", "{{ ('\\n' * 100000)|indent('x' * 10000, blank=true) }}"},
      {"replace to grow", "{{ ('a' * 100000)|replace('a', 'b' * 100000) }}"},
      {"replace slowly",
       "{% for i in range(10**6) %}{{ ('a' * 1000000)|replace('a' * 999 ~ 'b', '')|length }}{% endfor %}"},
      {"search slowly",
       "{% set a = 'a' * 1000000 %}{% set b = 'a' * 500000 ~ 'b' %}{% for i in range(10**6) %}{{ b in a }}{% endfor "
       "%}"},
      {"split from the right slowly",
       "{{ ('ab' * 1000000).rsplit('b' ~ 'a' * 100000 ~ 'b')|length }}{{ ('a' * 1000000).rsplit('a')|length }}"},
      {"split words from the right slowly", "{{ ('a ' * 500000).rsplit()|length }}"},
      {"join to grow", "{{ range(100000)|join('x' * 100000) }}"},
      {"sort", "{% for i in range(10**6) %}{{ range(50000)|sort|length }}{% endfor %}"},
      {"batch", "{{ range(10)|batch(10**12, 'x')|list }}"},
      {"slice", "{{ [1]|slice(10**12)|list }}"},
      {"slice of characters", "{% set s = 'é' * 1000000 %}{% for i in range(10**6) %}{{ s[500000] }}{% endfor %}"},
      {"power", "{{ 9**9**9 }}"},
      {"output", "{% set s = 'a' * 1000000 %}{% for i in range(1000) %}{{ s }}{% endfor %}"},
      {"dictionary", "{{ dict(range(10**9)) }}"},
      {"cycle", "{% for i in range(10**9) %}{{ loop.changed(range(10**6)|list) }}{% endfor %}"},
      {"call blocks",
       "{% macro f() %}{{ caller() }}{% endmacro %}{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ "
       "g() }}"},
  };
  for (const Bound& bound : kSources) {
    SCOPED_TRACE(bound.name);
    const auto start = std::chrono::steady_clock::now();
    const auto result = render(bound.source);
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took, std::chrono::seconds(2));
    if (result) {
      EXPECT_LT(result->size(), 5'000'000u);
    } else {
      EXPECT_TRUE(result.error().code == "template_limit" || result.error().code == "template_value_error" ||
                  result.error().code == "template_type_error")
          << error_of(result);
    }
  }
  EXPECT_EQ(render("{% for i in range(10**9) %}x{% endfor %}").error().code, "template_limit");
  EXPECT_EQ(render("{{ 'a' * 10**9 }}").error().code, "template_limit");
  EXPECT_EQ(render("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}").error().code, "template_limit");
  EXPECT_EQ(render("{% set s = 'a' * 1000000 %}{% for i in range(9) %}{{ s }}{% endfor %}").error().code,
            "template_limit");
}

TEST(Template, EndsWhateverTheNestingOfTheSource) {
  const std::size_t n = 20'000;
  const Bound kSources[] = {
      {"parentheses", "{{ " + repeated("(", n) + "1" + repeated(")", n) + " }}"},
      {"lists", "{{ " + repeated("[", n) + repeated("]", n) + " }}"},
      {"dictionaries", "{{ " + repeated("{1:", n) + "1" + repeated("}", n) + " }}"},
      {"subscripts", "{{ " + repeated("x[", n) + "1" + repeated("]", n) + " }}"},
      {"calls", "{{ " + repeated("f(", n) + repeated(")", n) + " }}"},
      {"chain of attributes", "{{ x" + repeated(".a", n) + " }}"},
      {"chain of calls", "{{ x" + repeated("()", n) + " }}"},
      {"chain of filters", "{{ x" + repeated("|d", n) + " }}"},
      {"chain of sums", "{{ 1" + repeated("+1", n) + " }}"},
      {"chain of ors", "{{ 1" + repeated(" or 1", n) + " }}"},
      {"chain of ifs", "{{ 1" + repeated(" if 1 else 1", n) + " }}"},
      {"chain of comparisons", "{{ 1" + repeated(" < 1", n) + " }}"},
      {"minuses", "{{ " + repeated("-", n) + "1 }}"},
      {"nots", "{{ " + repeated("not ", n) + "1 }}"},
      {"tests", "{{ 1" + repeated(" is defined", n) + " }}"},
      {"if blocks", repeated("{% if 1 %}", n) + repeated("{% endif %}", n)},
      {"for blocks", repeated("{% for x in y %}", n) + repeated("{% endfor %}", n)},
      {"macros", repeated("{% macro f() %}", n) + repeated("{% endmacro %}", n)},
      {"targets", "{% set " + repeated("(", n) + "x" + repeated(")", n) + " = 1 %}"},
      {"unclosed blocks", repeated("{% if 1 %}", n)},
      {"unclosed comments", repeated("{#", n)},
      {"unclosed raws", repeated("{% raw %}", n)},
      {"unclosed outputs", repeated("{{", n)},
      {"braces", repeated("{", n * 5)},
      {"names", "{% set a = " + repeated("a", n) + " %}{{ a }}"},
  };
  for (const Bound& bound : kSources) {
    SCOPED_TRACE(bound.name);
    const auto start = std::chrono::steady_clock::now();
    const auto result = render(bound.source, object(R"({"x": 1, "y": [1]})"));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
    if (!result) {
      EXPECT_TRUE(result.error().code.starts_with("template_")) << error_of(result);
    }
  }
  EXPECT_EQ(error_of(render(std::string(Template::kMaxSourceBytes + 1, 'x'))),
            "a template may have 1048576 bytes, and this one has 1048577.");
}

TEST(Template, HoldsTheLimitsThatItIsGiven) {
  const std::string loop = "{% for i in range(100) %}{{ i }}{% endfor %}";
  EXPECT_TRUE(render(loop));
  EXPECT_EQ(render(loop, {}, {.steps = 100}).error().code, "template_limit");
  EXPECT_EQ(render(loop, {}, {.output_bytes = 50}).error().code, "template_limit");
  EXPECT_EQ(render("{{ ('a' * 5000)|length }}", {}, {.memory_bytes = 4000}).error().code, "template_limit");
  EXPECT_EQ(render("{{ [[[[1]]]] }}", {}, {.depth = 4}).error().code, "template_limit");
  const auto deep = object("{\"x\": " + repeated("[", 100) + repeated("]", 100) + "}");
  EXPECT_TRUE(render("{{ x }}", deep));
  EXPECT_EQ(render("{{ x }}", deep, {.depth = 50}).error().code, "template_limit");
}

TEST(Template, CarriesTextThatIsNotUtf8) {
  boost::json::object variables;
  variables["x"] = boost::json::string("a\xff\xc3\xe2\x82z\xf0");
  EXPECT_EQ(*render("{{ x }}", variables), "a\xff\xc3\xe2\x82z\xf0");
  EXPECT_EQ(*render("{{ x|upper }}{{ x[1] }}{{ x|length }}", variables),
            "A\xff\xc3\xe2\x82Z\xf0\xff"
            "7");
  EXPECT_EQ(*render("{{ x|reverse|trim('\xc2\xa0')|replace('a', 'b')|length }}{{ x.split('z')|length }}", variables),
            "72");
}

TEST(Template, ReadsFreeVariables) {
  const auto names = Template::compile(
                         "{% set a = b %}{% for c in d %}{{ c.e ~ f ~ loop.index }}{% endfor %}{{ range(n)|join(a) }}"
                         "{% macro m(p) %}{{ p }}{{ q }}{% endmacro %}{{ m(1) }}{% if r is defined %}{% endif %}")
                         ->free_variables();
  EXPECT_EQ(names, (std::vector<std::string>{"b", "d", "f", "n", "q", "r"}));
}

TEST(Template, KnowsWhenItIsPlainText) {
  EXPECT_TRUE(Template::compile("plain {# c #} text {% raw %}{{ x }}{% endraw %}")->constant());
  EXPECT_FALSE(Template::compile("plain {{ 1 }}")->constant());
}

TEST(Template, ChecksIntegers) {
  EXPECT_EQ(render("{{ 9223372036854775807 + 1 }}").error().code, "template_value_error");
  EXPECT_EQ(render("{{ 2 ** 63 }}").error().code, "template_value_error");
  EXPECT_EQ(render("{{ 3037000500 * 3037000500 }}").error().code, "template_value_error");
  EXPECT_EQ(render("{{ (-9223372036854775807 - 1) // -1 }}").error().code, "template_value_error");
  EXPECT_EQ(*render("{{ (-9223372036854775807 - 1) % -1 }} {{ 2 ** 62 }}"), "0 4611686018427387904");
  EXPECT_EQ(render("{{ x }}", object(R"({"x": 18446744073709551615})")).error().code, "template_value_error");
}

// One compiled template, many threads: the same text for the same variables, and no report from TSan.
TEST(Template, RendersOnManyThreads) {
  const auto compiled = Template::compile(file("src/prompts/tests/cases/support.jinja"));
  ASSERT_TRUE(compiled) << compiled.error().message;
  const auto variables = object(file("src/prompts/tests/cases/support.json"));
  const auto expected = compiled->render(variables);
  ASSERT_TRUE(expected) << error_of(expected);
  std::vector<std::thread> threads;
  std::atomic<int> same = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) same += compiled->render(variables).value_or("") == *expected;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(same, 800);
}

// Mutated sources: nothing crashes, nothing runs long, every answer is text or an error with a code.
TEST(Template, SurvivesMutations) {
  const auto cases = json::parse(file("src/prompts/tests/cases/templates.json"));
  ASSERT_TRUE(cases);
  const MutationReport report = render_mutations(cases->as_array(), 20261124, std::chrono::seconds(2));
  EXPECT_EQ(report.fault, "");
  EXPECT_GT(report.compiled, 50u) << report.rounds;
}

}  // namespace
}  // namespace fairlead::prompts
