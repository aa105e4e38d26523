#include <algorithm>

#include "base/suggest.h"
#include "prompts/template/parser.h"

namespace fairlead::prompts::jinja {

Result<void> Parser::run() {
  FAIRLEAD_TRY(program_.root, block({{}, 0}));
  return {};
}

Result<NodeId> Parser::block(const Ends& ends) {
  if (++nesting_ > kMaxNesting) return error("blocks are nested too deeply.");
  const std::uint32_t position = token().position;
  std::vector<NodeId> statements;
  while (true) {
    const Token& next = token();
    if (next.type == TokenType::kEnd) {
      if (ends.names.size() == 0) break;
      return error_at(ends.opened_at, "this block has no `{% " + std::string(*(ends.names.end() - 1)) + " %}`.");
    }
    if (next.type == TokenType::kData) {
      FAIRLEAD_TRY(NodeId text, add_constant(Value::of(next.text), next.position));
      program_.nodes[text].op = Op::kText;
      statements.push_back(text);
      ++at_;
    } else if (next.type == TokenType::kOutputBegin) {
      ++at_;
      FAIRLEAD_TRY(NodeId expression, tuple(true));
      if (token().type != TokenType::kOutputEnd) return unexpected("`}}`");
      ++at_;
      FAIRLEAD_TRY(NodeId output, add({Op::kOutput, 0, next.position, expression}, {expression}));
      statements.push_back(output);
    } else {
      ++at_;
      if (token().type != TokenType::kName) return unexpected("the name of a tag");
      if (std::find(ends.names.begin(), ends.names.end(), token().text) != ends.names.end()) break;
      FAIRLEAD_TRY(NodeId made, statement());
      statements.push_back(made);
    }
  }
  --nesting_;
  return add_list(Op::kBlock, statements, position);
}

Result<NodeId> Parser::statement() {
  if (is_name("if")) return if_statement();
  if (is_name("for")) return for_statement();
  if (is_name("set")) return set_statement();
  if (is_name("filter")) return filter_block();
  if (is_name("with")) return with_statement();
  if (is_name("macro")) return macro_statement();
  if (is_name("call")) return call_block();
  return unknown_tag();
}

std::unexpected<Error> Parser::unknown_tag() {
  static const std::vector<std::string> kTags = {"if",    "elif",     "else",   "endif",     "for",  "endfor",
                                                 "set",   "endset",   "filter", "endfilter", "with", "endwith",
                                                 "macro", "endmacro", "call",   "endcall",   "raw",  "endraw"};
  static constexpr std::string_view kOtherTemplates[] = {"include", "import", "from", "extends", "block"};
  static constexpr std::string_view kNotOffered[] = {"do",    "break", "continue", "autoescape",
                                                     "trans", "print", "debug"};
  const std::string name(token().text);
  if (std::ranges::find(kOtherTemplates, name) != std::end(kOtherTemplates)) {
    return error("`" + name + "` is not offered: a prompt's template stands alone.");
  }
  if (std::ranges::find(kNotOffered, name) != std::end(kNotOffered))
    return error("the tag `" + name + "` is not offered.");
  if (std::ranges::find(kTags, name) != kTags.end()) return error("`" + name + "` closes or continues nothing here.");
  return error("unknown tag `" + name + "`." + did_you_mean(name, kTags));
}

Result<NodeId> Parser::if_statement() {
  const std::uint32_t position = token().position;
  std::vector<std::uint32_t> branches;
  NodeId otherwise = kNone;
  ++at_;
  while (true) {
    FAIRLEAD_TRY(NodeId test, tuple(false));
    FAIRLEAD_CHECK(expect_block_end());
    FAIRLEAD_TRY(NodeId body, block({{"elif", "else", "endif"}, position}));
    branches.push_back(test);
    branches.push_back(body);
    if (take_name("elif")) continue;
    if (take_name("else")) {
      FAIRLEAD_CHECK(expect_block_end());
      FAIRLEAD_TRY(otherwise, block({{"endif"}, position}));
    }
    ++at_;  // endif
    FAIRLEAD_CHECK(expect_block_end());
    std::vector<NodeId> children(branches);
    if (otherwise != kNone) children.push_back(otherwise);
    return add({Op::kIf, 0, position, add_numbers(branches), otherwise}, children);
  }
}

Result<NodeId> Parser::for_statement() {
  const std::uint32_t position = token().position;
  ForLoop loop;
  ++at_;
  FAIRLEAD_TRY(loop.target, target(false));
  if (!take_name("in")) return unexpected("`in`");
  FAIRLEAD_TRY(loop.iterable, tuple(false));
  if (take_name("if")) {
    FAIRLEAD_TRY(loop.condition, expression());
  }
  if (is_name("recursive")) return error("recursive loops are not offered: use a macro that calls itself.");
  FAIRLEAD_CHECK(expect_block_end());
  FAIRLEAD_TRY(loop.body, block({{"else", "endfor"}, position}));
  std::vector<NodeId> children{loop.target, loop.iterable, loop.body};
  if (loop.condition != kNone) children.push_back(loop.condition);
  if (take_name("else")) {
    FAIRLEAD_CHECK(expect_block_end());
    FAIRLEAD_TRY(loop.otherwise, block({{"endfor"}, position}));
    children.push_back(loop.otherwise);
  }
  ++at_;  // endfor
  FAIRLEAD_CHECK(expect_block_end());
  program_.loops.push_back(loop);
  return add({Op::kFor, 0, position, static_cast<std::uint32_t>(program_.loops.size() - 1)}, children);
}

Result<NodeId> Parser::set_statement() {
  const std::uint32_t position = token().position;
  ++at_;
  FAIRLEAD_TRY(NodeId assigned, target(true));
  if (take_operator("=")) {
    FAIRLEAD_TRY(NodeId value, tuple(true));
    FAIRLEAD_CHECK(expect_block_end());
    return add({Op::kSet, 0, position, assigned, value}, {assigned, value});
  }
  if (program_.nodes[assigned].op == Op::kTargetTuple) return unexpected("`=`");
  FAIRLEAD_TRY(NodeId value, add({Op::kCaptured, 0, position}));
  FAIRLEAD_TRY(value, filters(value));
  FAIRLEAD_CHECK(expect_block_end());
  FAIRLEAD_TRY(NodeId body, block({{"endset"}, position}));
  ++at_;
  FAIRLEAD_CHECK(expect_block_end());
  return add({Op::kSetBlock, 0, position, assigned, value, body}, {assigned, value, body});
}

Result<NodeId> Parser::filter_block() {
  const std::uint32_t position = token().position;
  ++at_;
  FAIRLEAD_TRY(NodeId captured, add({Op::kCaptured, 0, position}));
  FAIRLEAD_TRY(NodeId value, filter(captured));
  FAIRLEAD_TRY(value, filters(value));
  FAIRLEAD_CHECK(expect_block_end());
  FAIRLEAD_TRY(NodeId body, block({{"endfilter"}, position}));
  ++at_;
  FAIRLEAD_CHECK(expect_block_end());
  return add({Op::kFilterBlock, 0, position, kNone, value, body}, {value, body});
}

Result<NodeId> Parser::with_statement() {
  const std::uint32_t position = token().position;
  std::vector<std::uint32_t> pairs;
  ++at_;
  while (token().type != TokenType::kBlockEnd) {
    if (!pairs.empty()) FAIRLEAD_CHECK(expect_operator(","));
    FAIRLEAD_TRY(NodeId assigned, target_item(false));
    FAIRLEAD_CHECK(expect_operator("="));
    FAIRLEAD_TRY(NodeId value, expression());
    pairs.push_back(assigned);
    pairs.push_back(value);
  }
  FAIRLEAD_CHECK(expect_block_end());
  FAIRLEAD_TRY(NodeId body, block({{"endwith"}, position}));
  ++at_;
  FAIRLEAD_CHECK(expect_block_end());
  std::vector<NodeId> children(pairs);
  children.push_back(body);
  program_.scopes.push_back({});
  return add({Op::kWith, 0, position, add_numbers(pairs), body, static_cast<std::uint32_t>(program_.scopes.size() - 1)},
             children);
}

Result<void> Parser::parameters(MacroCode& macro) {
  FAIRLEAD_CHECK(expect_operator("("));
  while (!is_operator(")")) {
    if (!macro.parameters.empty()) FAIRLEAD_CHECK(expect_operator(","));
    if (is_operator(")")) break;
    FAIRLEAD_TRY(std::string_view name, expect_name("the name of a parameter"));
    Parameter parameter{add_name(name)};
    for (const Parameter& other : macro.parameters) {
      if (other.name == parameter.name) return error("the parameter `" + std::string(name) + "` is there twice.");
    }
    if (take_operator("=")) {
      FAIRLEAD_TRY(parameter.fallback, expression());
    } else if (!macro.parameters.empty() && macro.parameters.back().fallback != kNone) {
      return error("a parameter without a default follows one that has one.");
    }
    macro.parameters.push_back(parameter);
  }
  return expect_operator(")");
}

static std::vector<NodeId> children_of(const MacroCode& macro) {
  std::vector<NodeId> children{macro.body};
  for (const Parameter& parameter : macro.parameters) {
    if (parameter.fallback != kNone) children.push_back(parameter.fallback);
  }
  return children;
}

Result<NodeId> Parser::macro_statement() {
  const std::uint32_t position = token().position;
  MacroCode macro;
  ++at_;
  FAIRLEAD_TRY(std::string_view name, expect_name("the macro's name"));
  macro.name = add_name(name);
  FAIRLEAD_CHECK(parameters(macro));
  FAIRLEAD_CHECK(expect_block_end());
  FAIRLEAD_TRY(macro.body, block({{"endmacro"}, position}));
  ++at_;
  if (token().type == TokenType::kName && token().text == name) ++at_;
  FAIRLEAD_CHECK(expect_block_end());
  const auto children = children_of(macro);
  program_.macros.push_back(std::move(macro));
  return add({Op::kMacro, 0, position, static_cast<std::uint32_t>(program_.macros.size() - 1)}, children);
}

Result<NodeId> Parser::call_block() {
  const std::uint32_t position = token().position;
  MacroCode caller;
  ++at_;
  if (is_operator("(")) FAIRLEAD_CHECK(parameters(caller));
  const std::uint32_t call_position = token().position;
  FAIRLEAD_TRY(NodeId call, expression());
  if (program_.nodes[call].op != Op::kCall) return error_at(call_position, "a call block needs a call of a macro.");
  FAIRLEAD_CHECK(expect_block_end());
  FAIRLEAD_TRY(caller.body, block({{"endcall"}, position}));
  ++at_;
  FAIRLEAD_CHECK(expect_block_end());
  auto children = children_of(caller);
  children.push_back(call);
  program_.macros.push_back(std::move(caller));
  return add({Op::kCallBlock, 0, position, call, static_cast<std::uint32_t>(program_.macros.size() - 1)}, children);
}

Result<NodeId> Parser::target(bool members) {
  const std::uint32_t position = token().position;
  FAIRLEAD_TRY(NodeId first, target_item(members));
  if (!is_operator(",")) return first;
  std::vector<NodeId> items{first};
  while (take_operator(",")) {
    if (is_name("in") || is_operator("=") || is_operator(")")) break;
    FAIRLEAD_TRY(NodeId item, target_item(members));
    items.push_back(item);
  }
  return add_list(Op::kTargetTuple, items, position);
}

Result<NodeId> Parser::target_item(bool members) {
  const std::uint32_t position = token().position;
  if (take_operator("(")) {
    if (++nesting_ > kMaxNesting) return error("brackets are nested too deeply.");
    FAIRLEAD_TRY(NodeId inner, target(members));
    --nesting_;
    FAIRLEAD_CHECK(expect_operator(")"));
    return inner;
  }
  FAIRLEAD_TRY(std::string_view name, expect_name("the name of a variable"));
  if (members && take_operator(".")) {
    FAIRLEAD_TRY(NodeId object, add({Op::kName, 0, position, add_name(name)}));
    FAIRLEAD_TRY(std::string_view member, expect_name("the name of a member"));
    return add({Op::kTargetMember, 0, position, object, add_name(member)}, {object});
  }
  return add({Op::kTargetName, 0, position, add_name(name)});
}

}  // namespace fairlead::prompts::jinja
