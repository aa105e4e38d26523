#include "prompts/template/resolver.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>
#include <vector>

#include "prompts/template/functions.h"

namespace fairlead::prompts::jinja {
namespace {

constexpr std::string_view kImplied[] = {"varargs", "kwargs", "caller"};

struct Symbol {
  std::uint32_t slot;
  bool definite;  // set on every way to where the walk stands
};

struct Frame;

struct Scope {
  Scope* outer;
  Frame* frame;
  std::unordered_map<std::uint32_t, Symbol> symbols;  // by name
  std::vector<std::uint32_t> definite;                // names, in the order in which they became so
};

// The slots of the main text or of one macro.
struct Frame {
  std::uint32_t slots = 0;
  MacroCode* macro = nullptr;
  std::deque<Scope> scopes;
  struct Later {
    std::uint32_t macro;
    Scope* scope;
  };
  std::vector<Later> later;  // macros: their bodies may read what is set after them
};

class Resolver {
 public:
  explicit Resolver(Program& program) : program_(program) {}

  void run() {
    Frame frame;
    frame.scopes.push_back({nullptr, &frame, {}, {}});
    walk(program_.root, frame.scopes.front());
    finish(frame);
    program_.slot_count = frame.slots;
    program_.free.assign(free_.begin(), free_.end());
  }

 private:
  std::uint32_t name_id(std::string_view name) {
    const auto found = std::ranges::find(program_.names, name);
    return found == program_.names.end() ? kNone : static_cast<std::uint32_t>(found - program_.names.begin());
  }

  Scope& inner(Scope& scope) { return scope.frame->scopes.emplace_back(Scope{&scope, scope.frame, {}, {}}); }

  std::uint32_t define(Scope& scope, std::uint32_t name) {
    const auto [symbol, added] = scope.symbols.try_emplace(name, Symbol{scope.frame->slots, false});
    if (added) ++scope.frame->slots;
    if (!symbol->second.definite) {
      symbol->second.definite = true;
      scope.definite.push_back(name);
    }
    return symbol->second.slot;
  }

  // Names that became definite after `mark` are no longer.
  static std::vector<std::uint32_t> forget(Scope& scope, std::size_t mark) {
    std::vector<std::uint32_t> names(scope.definite.begin() + static_cast<std::ptrdiff_t>(mark), scope.definite.end());
    scope.definite.resize(mark);
    for (const std::uint32_t name : names) scope.symbols.at(name).definite = false;
    return names;
  }

  std::uint32_t reference(Reference made) {
    program_.references.push_back(made);
    return static_cast<std::uint32_t>(program_.references.size() - 1);
  }

  // `varargs`, `kwargs` and `caller` are there for a macro whose body asks for them.
  static void add_implied(Scope& scope, std::uint32_t name, std::string_view text) {
    if (scope.outer && scope.outer->frame == scope.frame) return;
    MacroCode* macro = scope.frame->macro;
    if (!macro || scope.symbols.contains(name)) return;
    for (std::uint32_t i = 0; i < 3; ++i) {
      if (text != kImplied[i]) continue;
      *std::array{&macro->varargs, &macro->kwargs, &macro->caller}[i] = i;
      scope.symbols[name] = {i, true};
    }
  }

  std::uint32_t look_up(Scope& start, std::uint32_t name) {
    std::vector<Reference> chain;
    std::uint32_t frames = 0;
    bool definite = false;
    for (Scope* scope = &start; scope && !definite; scope = scope->outer) {
      add_implied(*scope, name, program_.names[name]);
      if (const auto symbol = scope->symbols.find(name); symbol != scope->symbols.end()) {
        chain.push_back({frames, symbol->second.slot, kNone, kNone});
        definite = symbol->second.definite || frames > 0;
      }
      if (scope->outer && scope->outer->frame != scope->frame) ++frames;
    }
    if (!definite) chain.push_back({0, kNone, variable(program_.names[name]), kNone});
    std::uint32_t next = kNone;
    for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
      link->next = next;
      next = reference(*link);
    }
    return next;
  }

  std::uint32_t variable(const std::string& name) {
    if (!is_global(name)) free_.insert(name);
    const auto [found, added] = variables_.try_emplace(name, static_cast<std::uint32_t>(program_.variables.size()));
    if (added) program_.variables.push_back(name);
    return found->second;
  }

  void walk_list(std::uint32_t list, Scope& scope) {
    for (std::uint32_t i = 1; i <= program_.numbers[list]; ++i) walk(program_.numbers[list + i], scope);
  }

  void walk_arguments(std::uint32_t place, Scope& scope) {
    if (place == kNone) return;
    const auto& numbers = program_.numbers;
    const std::uint32_t positional = numbers[place], keywords = numbers[place + 1];
    for (std::uint32_t i = 0; i < positional; ++i) walk(numbers[place + 2 + i], scope);
    for (std::uint32_t i = 0; i < keywords; ++i) walk(numbers[place + 2 + positional + 2 * i + 1], scope);
  }

  void walk(NodeId id, Scope& scope) {
    if (id == kNone) return;
    Node& node = program_.nodes[id];
    switch (node.op) {
      case Op::kConstant:
      case Op::kCaptured:
      case Op::kText:
        return;
      case Op::kName:
        node.b = node.a;
        node.a = look_up(scope, node.a);
        return;
      case Op::kList:
      case Op::kTuple:
      case Op::kDict:
      case Op::kConcat:
      case Op::kBlock:
      case Op::kTargetTuple:
        return walk_list(node.a, scope);
      case Op::kAttribute:
      case Op::kNot:
      case Op::kNegative:
      case Op::kPositive:
      case Op::kOutput:
      case Op::kTargetMember:
        return walk(node.a, scope);
      case Op::kItem:
      case Op::kAnd:
      case Op::kOr:
      case Op::kBinary:
        return walk(node.a, scope), walk(node.b, scope);
      case Op::kSlice:
        walk(node.a, scope);
        return walk_list(node.b, scope);
      case Op::kCall:
      case Op::kFilter:
      case Op::kTest:
        walk(node.a, scope);
        return walk_arguments(node.b, scope);
      case Op::kCompare:
        walk(node.a, scope);
        for (std::uint32_t i = 2; i <= program_.numbers[node.b]; i += 2) walk(program_.numbers[node.b + i], scope);
        return;
      case Op::kCondition:
        return walk(node.a, scope), walk(node.b, scope), walk(node.c, scope);
      case Op::kTargetName:
        node.a = define(scope, node.a);
        return;
      case Op::kSet:
        return walk(node.b, scope), walk(node.a, scope);
      case Op::kIf:
        return walk_if(node, scope);
      case Op::kFor:
        return walk_for(node.a, scope);
      case Op::kWith:
        return walk_with(node, scope);
      case Op::kSetBlock: {
        Scope& body = inner(scope);
        walk(node.c, body);
        walk(node.b, scope);
        return walk(node.a, scope);
      }
      case Op::kFilterBlock: {
        Scope& body = inner(scope);
        walk(node.c, body);
        return walk(node.b, scope);
      }
      case Op::kMacro: {
        MacroCode& macro = program_.macros[node.a];
        macro.slot = define(scope, macro.name);
        scope.frame->later.push_back({node.a, &scope});
        return;
      }
      case Op::kCallBlock:
        walk(node.a, scope);
        scope.frame->later.push_back({node.b, &scope});
        return;
    }
  }

  void walk_if(const Node& node, Scope& scope) {
    const std::size_t mark = scope.definite.size();
    std::vector<std::uint32_t> common;
    bool first = true;
    const auto branch = [&](NodeId body) {
      walk(body, scope);
      auto names = forget(scope, mark);
      std::ranges::sort(names);
      if (first) {
        common = std::move(names);
      } else {
        std::erase_if(common, [&](std::uint32_t name) { return !std::ranges::binary_search(names, name); });
      }
      first = false;
    };
    for (std::uint32_t i = 1; i < program_.numbers[node.a]; i += 2) {
      walk(program_.numbers[node.a + i], scope);
      branch(program_.numbers[node.a + i + 1]);
    }
    if (node.b == kNone) return;
    branch(node.b);
    for (const std::uint32_t name : common) define(scope, name);
  }

  void walk_for(std::uint32_t place, Scope& scope) {
    const ForLoop loop = program_.loops[place];
    walk(loop.iterable, scope);
    Frame& frame = *scope.frame;
    Scope& body = inner(scope);
    const std::uint32_t first = frame.slots;
    walk(loop.target, body);
    walk(loop.condition, body);
    std::uint32_t loop_slot = kNone;
    if (const std::uint32_t name = name_id("loop"); name != kNone) loop_slot = define(body, name);
    walk(loop.body, body);
    const std::uint32_t end = frame.slots;
    walk(loop.otherwise, inner(scope));
    ForLoop& made = program_.loops[place];
    made.loop_slot = loop_slot;
    made.slots = {first, end};
  }

  void walk_with(const Node& node, Scope& scope) {
    Scope& body = inner(scope);
    const std::uint32_t first = scope.frame->slots;
    const std::uint32_t pairs = node.a, block = node.b, place = node.c;
    // Each expression is read outside, before any target is set.
    for (std::uint32_t i = 2; i <= program_.numbers[pairs]; i += 2) walk(program_.numbers[pairs + i], scope);
    for (std::uint32_t i = 1; i <= program_.numbers[pairs]; i += 2) walk(program_.numbers[pairs + i], body);
    walk(block, body);
    program_.scopes[place] = {first, scope.frame->slots};
  }

  void finish(Frame& frame) {
    for (std::size_t i = 0; i < frame.later.size(); ++i) {
      const auto [place, scope] = frame.later[i];
      MacroCode& macro = program_.macros[place];
      Frame own;
      own.macro = &macro;
      own.slots = std::size(kImplied);  // the first ones are theirs: outside of what a loop in the body empties
      own.scopes.push_back({scope, &own, {}, {}});
      Scope& inside = own.scopes.front();
      for (Parameter& parameter : macro.parameters) parameter.slot = define(inside, parameter.name);
      for (const Parameter& parameter : macro.parameters) walk(parameter.fallback, inside);
      walk(macro.body, inside);
      finish(own);
      macro.slot_count = own.slots;
    }
  }

  Program& program_;
  std::unordered_map<std::string, std::uint32_t> variables_;
  std::set<std::string> free_;
};

}  // namespace

void resolve(Program& program) {
  Resolver(program).run();
}

}  // namespace fairlead::prompts::jinja
