#include <fstream>
#include <sstream>

#include "cli/internal/command.h"
#include "platform/config/yaml.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;

struct DrawnChain {
  std::string name, file;
  bool svg = false, mermaid = false;
};

// The chain of that name in a file, or the only one, as a request to draw it.
Result<bj::object> chain_in_file(const DrawnChain& words) {
  std::ifstream file(words.file);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return fail(ErrorKind::kInvalid, "file_not_found", "`" + words.file + "` cannot be read.");
  FAIRLEAD_TRY(auto documents, config::load_yaml(text.str(), words.file));
  std::vector<bj::object> found;
  for (config::Document& document : documents) {
    if (!document.value.is_object()) continue;
    bj::object& one = document.value.as_object();
    if (text_of(one, "kind") != "chain" || (!words.name.empty() && text_of(one, "name") != words.name)) continue;
    found.push_back(std::move(one));
  }
  if (found.size() != 1)
    return fail(ErrorKind::kInvalid, "chain_not_found",
                found.empty() ? "There is no such chain in `" + words.file + "`."
                              : "There are several chains in `" + words.file + "`: name one.");
  bj::object spec = std::move(found.front());
  bj::object body{{"name", text_of(spec, "name")}};
  for (const char* const member : {"kind", "name", "version", "labels"}) spec.erase(member);
  body["spec"] = std::move(spec);
  return body;
}

void draw_chain(Context& context, const DrawnChain& words) {
  if (words.name.empty() && words.file.empty())
    return context.fail_with({ErrorKind::kInvalid, "missing_argument", "Name a chain, or give --file."});
  const std::string format = words.svg ? "svg" : context.as_json ? "json" : "mermaid";
  Result<Reply> reply = fail(ErrorKind::kInternal, "", "");
  if (words.file.empty()) {
    const std::size_t at = words.name.find('@');
    const std::string ref = at == words.name.npos ? "" : words.name.substr(at + 1);
    reply = context.fetch(http::Method::kGet,
                          "/api/v1/chains/" + segment(words.name.substr(0, at)) + "/graph" +
                              query_string({{"format", format}, {"ref", ref}}),
                          {});
  } else {
    auto body = chain_in_file(words);
    if (!body) return context.fail_with(body.error());
    (*body)["format"] = format;
    reply = context.fetch(http::Method::kPost, "/api/v1/chains/graph", json::to_text(*body));
  }
  if (!reply) return context.fail_with(reply.error());
  if (reply->status >= 400) {
    const bj::value* const error = reply->json.is_object() ? reply->json.get_object().if_contains("error") : nullptr;
    return context.fail_with({reply->status < 500 ? ErrorKind::kInvalid : ErrorKind::kInternal,
                              error != nullptr ? text_of(*error, "code") : "server_error",
                              error != nullptr ? text_of(*error, "message") : reply->text});
  }
  std::fputs(reply->text.c_str(), stdout);
  if (!reply->text.ends_with('\n')) std::fputs("\n", stdout);
}

}  // namespace

void add_chains(CLI::App& app, Context& context) {
  CLI::App* const chains = app.add_subcommand("chains", "Chains");
  chains->require_subcommand(1);
  const auto words = std::make_shared<DrawnChain>();
  CLI::App* const graph = command(*chains, context, "graph", "Draw a chain: Mermaid text, or SVG",
                                  "fairlead chains graph digest --svg > digest.svg");
  graph->add_option("name", words->name, "The chain: digest, digest@staging, digest@3");
  graph->add_option("--file", words->file, "A file with the chain, which need not be applied")->type_name("PATH");
  CLI::Option* const svg = graph->add_flag("--svg", words->svg, "SVG");
  graph->add_flag("--mermaid", words->mermaid, "Mermaid text, which it is without either")->excludes(svg);
  graph->callback([&context, words] { draw_chain(context, *words); });
}

}  // namespace fairlead::cli
