#include <fmt/format.h>

#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

struct Node {
  std::string path;   // "keys create"; empty: the program itself
  std::string words;  // what may follow: subcommands and long options
};

void collect(const CLI::App& app, const std::string& path, std::vector<Node>& out) {
  Node node{path, {}};
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_group().empty()) continue;  // hidden
    node.words += (node.words.empty() ? "" : " ") + sub->get_name();
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), out);
  }
  for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; }))
    for (const std::string& name : option->get_lnames()) node.words += (node.words.empty() ? "--" : " --") + name;
  out.push_back(std::move(node));
}

std::string cases(const std::vector<Node>& nodes) {
  std::string out;
  for (const Node& node : nodes) out += fmt::format("    '{}') words='{}' ;;\n", node.path, node.words);
  return out;
}

std::string bash(const std::vector<Node>& nodes) {
  return "_fairlead() {\n  local path='' words='' i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case ${COMP_WORDS[i]} in -*) ;; *) [ $i -le 2 ] && path=\"${path:+$path }${COMP_WORDS[i]}\" ;; esac\n  "
         "done\n"
         "  case $path in\n" +
         cases(nodes) + "    *) path=${path%% *}; case $path in\n" + cases(nodes) +
         "    esac ;;\n  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
         "complete -F _fairlead fairlead\n";
}

std::string fish(const std::vector<Node>& nodes) {
  std::string out = "complete -c fairlead -f\n";
  for (const Node& node : nodes) {
    std::string condition = node.path.empty() ? "__fish_use_subcommand" : "";
    for (std::size_t start = 0; start < node.path.size();) {
      const std::size_t end = std::min(node.path.find(' ', start), node.path.size());
      condition +=
          (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + node.path.substr(start, end - start));
      start = end + 1;
    }
    out += fmt::format("complete -c fairlead -n '{}' -a '{}'\n", condition, node.words);
  }
  return out;
}

}  // namespace

void add_completion(CLI::App& app, Context& context) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* const completion = app.add_subcommand("completion", "Print the completion script of a shell");
  completion->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer("Example:\n  source <(fairlead completion bash)");
  completion->callback([&app, &context, shell] {
    std::vector<Node> nodes;
    collect(app, "", nodes);
    std::string out;
    if (*shell == "fish")
      out = fish(nodes);
    else if (*shell == "zsh")
      out = "autoload -U +X bashcompinit && bashcompinit\n" + bash(nodes);
    else
      out = bash(nodes);
    std::fputs(out.c_str(), stdout);
    context.exit_status = kDone;
  });
}

}  // namespace fairlead::cli
