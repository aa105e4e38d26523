// A tree to a program: types are checked, constants computed, instructions emitted.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/expr/expression.h"
#include "platform/expr/internal/functions.h"
#include "platform/expr/internal/lexer.h"
#include "platform/expr/internal/program.h"

namespace fairlead::expr::internal {

class Compiler {
 public:
  static constexpr std::size_t kMaxLoops = 16;  // macros inside one another

  // All outlive the compiler.
  Compiler(Tree tree, const Environment& environment, Checking checking, Program& program)
      : tree_(std::move(tree)), environment_(environment), checking_(checking), program_(program) {}
  Tried<void> run();

 private:
  struct Emitted {
    Type type;
    bool constant = false;
  };
  struct Local {
    std::string_view name;
    Type type;
    std::uint32_t slot;
  };

  Tried<Emitted> emit(NodeId id);
  Tried<Emitted> emit_node(NodeId id, const Node& node);
  Tried<Emitted> emit_name(NodeId id, const Node& node);
  Tried<Emitted> emit_field(NodeId id, const Node& node);
  Tried<Emitted> emit_index(NodeId id, const Node& node);
  Tried<Emitted> emit_logic(NodeId id, const Node& node);
  Tried<Emitted> emit_condition(NodeId id, const Node& node);
  Tried<Emitted> emit_binary(NodeId id, const Node& node);
  Tried<Emitted> emit_list(NodeId id, const Node& node);
  Tried<Emitted> emit_map(NodeId id, const Node& node);
  Tried<Emitted> emit_macro(NodeId id, const Node& node);
  Tried<Emitted> emit_call(NodeId id, const Node& node);
  Tried<void> refuse_extension(const Node& node, std::string_view name, std::size_t operands) const;
  Tried<bool> emit_prepared(NodeId id, const Node& node, std::string_view name, std::uint32_t& zone);
  Tried<Type> call_type(const Node& node, std::string_view name, std::span<const Overload* const> fitting,
                        std::span<const Type> types, std::span<const Overload> all);
  Tried<Type> binary_type(const Node& node, BinaryOp op, const Type& left, const Type& right);
  Tried<Type> arithmetic_type(const Node& node, BinaryOp op, const Type& left, const Type& right);
  Tried<Type> item_type(const Node& node, std::string_view macro, const Type& range);
  Tried<void> want_bool(NodeId id, const Type& type, std::string_view what);
  Tried<void> fold(NodeId id, std::size_t first);

  bool checked() const { return checking_ == Checking::kTypes; }
  std::unexpected<Failure> type_failure(std::uint32_t offset, std::string message) const {
    return std::unexpected(Failure{offset, std::move(message), Failure::Sort::kType});
  }
  std::string qualified_name(NodeId id) const;
  bool is_local(std::string_view name) const;
  Emitted emit_variable(NodeId id, std::uint32_t place);
  // `grows`: by how many values the stack is higher after it.
  std::size_t put(Instruction instruction, int grows);
  void load(Value value, NodeId id);
  std::uint32_t next_place() const { return static_cast<std::uint32_t>(program_.code.size()); }
  std::uint32_t add_type(const Type& type);

  Tree tree_;
  const Environment& environment_;
  Checking checking_;
  Program& program_;
  std::vector<Local> locals_;
  std::uint32_t height_ = 0;
};

}  // namespace fairlead::expr::internal
