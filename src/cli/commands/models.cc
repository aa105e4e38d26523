#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <thread>

#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

const boost::json::value* find_file(const boost::json::value& list, const std::string& file) {
  for (const boost::json::value& one : list.at("data").as_array())
    if (text_of(one, "file") == file) return &one;
  return nullptr;
}

void show_progress(const boost::json::value& entry) {
  const std::int64_t done = integer_of(entry, "fetched_bytes"), whole = integer_of(entry, "bytes");
  const double part = whole > 0 ? static_cast<double>(done) / static_cast<double>(whole) : 0;
  std::string bar;
  for (int i = 0; i < 24; ++i) bar += i < part * 24 ? "█" : "·";
  std::fprintf(stderr, "\r  %s  %s of %s ", bar.c_str(), bytes(done).c_str(), whole > 0 ? bytes(whole).c_str() : "?");
}

// "0.25", "0.0375": what a million tokens cost, to the last digit that is there.
std::string price(const boost::json::value& of, const char* kind) {
  return fmt::format("{:g}", of.at(kind).to_number<double>());
}

std::string why(const boost::json::value& route) {
  const std::string from = text_of(route, "from");
  if (from == "file") return "list of " + text_of(route, "as_of");
  if (from == "route" || from == "model") return "`prices` of the " + from;
  return from == "local" ? "runs here" : "not known";
}

std::string price_table(const Context& context, const boost::json::value& reply) {
  std::vector<std::vector<std::string>> rows;
  const auto row = [&rows](std::string model, std::string route, const boost::json::value& prices, std::string from) {
    std::vector<std::string> cells = {std::move(model), std::move(route)};
    for (const char* kind : {"input", "cached_input", "cache_write", "output", "reasoning"})
      cells.push_back(prices.is_null() ? "?" : price(prices, kind));
    cells.push_back(std::move(from));
    rows.push_back(std::move(cells));
  };
  for (const boost::json::value& one : reply.at("data").as_array()) {
    const boost::json::value& prices = one.at("usd_per_million_tokens");
    row(text_of(one, "model"), text_of(one, "provider") + " " + text_of(one, "upstream_model"), prices, why(one));
    if (prices.is_null()) continue;
    for (const boost::json::value& tier : prices.at("long_context").as_array())
      row("", "  over " + text_of(tier, "over") + " tokens of input", tier, "");
  }
  return table({"model", "route", "input", "cached", "write", "output", "reasoning", "from"}, rows, context.colours());
}

// Waits until the server has the file; a Ctrl-C leaves the server fetching.
void add(Context& context, std::string source, const std::string& sha256, const std::string& name) {
  if (source.find("://") == std::string::npos) {
    std::error_code error;
    const std::filesystem::path path = std::filesystem::absolute(source, error);
    if (error || !std::filesystem::is_regular_file(path, error))
      return context.fail_with(Error{ErrorKind::kInvalid, "no_such_file", source + " is not a file."});
    source = path.string();
  }
  boost::json::object body{{"source", source}};
  if (!sha256.empty()) body["sha256"] = sha256;
  if (!name.empty()) body["name"] = name;
  const boost::json::value value = std::move(body);
  auto reply = context.call(http::Method::kPost, "/api/v1/model-files", &value);
  if (!reply) return context.fail_with(reply.error());
  boost::json::value entry = std::move(*reply);
  const std::string file = text_of(entry, "file");
  const bool progress = context.error_colours();
  while (text_of(entry, "state") == "fetching") {
    if (progress) show_progress(entry);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    reply = context.call(http::Method::kGet, "/api/v1/model-files");
    if (!reply) return context.fail_with(reply.error());
    const boost::json::value* const found = find_file(*reply, file);
    if (!found)
      return context.fail_with(Error{ErrorKind::kUpstream, "model_file_gone", file + " is no longer on the server."});
    entry = *found;
  }
  if (progress) std::fputs("\r\x1b[K", stderr);
  if (text_of(entry, "state") == "failed")
    return context.fail_with(Error{ErrorKind::kUpstream, "model_file_failed", text_of(entry, "error")});
  const std::string text = context.as_json ? json::to_pretty_text(entry) + "\n"
                                           : fmt::format("  {}   {}   sha256 {}\n", file,
                                                         bytes(integer_of(entry, "bytes")), text_of(entry, "sha256"));
  std::fputs(text.c_str(), stdout);
}

}  // namespace

void add_models(CLI::App& app, Context& context) {
  CLI::App* const models = app.add_subcommand("models", "Models: what can be called, and the files of local ones");
  models->require_subcommand(1);
  struct ModelsWords {
    std::string source, sha256, name, model;
  };
  const auto words = std::make_shared<ModelsWords>();

  CLI::App* const list =
      command(*models, context, "list", "List what the `model` field of a call can name", "fairlead models list");
  list->callback([&context] {
    answer(context, http::Method::kGet, "/v1/models", nullptr, [](const boost::json::value& reply) {
      std::string out;
      for (const boost::json::value& one : reply.at("data").as_array()) out += "  " + text_of(one, "id") + "\n";
      return out;
    });
  });

  CLI::App* const routes = command(*models, context, "routes",
                                   "Show the models' routes, and which are left out for now", "fairlead models routes");
  routes->callback([&context] {
    answer(context, http::Method::kGet, "/api/v1/routes", nullptr, [&context](const boost::json::value& reply) {
      std::vector<std::vector<std::string>> rows;
      for (const boost::json::value& one : reply.at("data").as_array()) {
        std::string state = text_of(one, "state");
        if (state == "open") state += fmt::format(" for {:.0f} s", std::ceil(integer_of(one, "left_out_for_ms") / 1e3));
        const auto latency = [&](const char* name) {
          return text_of(one, name).empty() ? "-" : fmt::format("{} ms", integer_of(one, name));
        };
        rows.push_back({text_of(one, "model"), text_of(one, "provider") + " " + text_of(one, "upstream_model"), state,
                        fmt::format("{} of {}", integer_of(one, "recent_failures"), integer_of(one, "recent_tries")),
                        text_of(one, "in_flight"), latency("first_token_ms"), latency("whole_ms")});
      }
      return table({"model", "route", "state", "failed", "in flight", "first token", "whole"}, rows, context.colours());
    });
  });

  CLI::App* const prices =
      command(*models, context, "prices", "Show what a million tokens cost, in US dollars, and why",
              "fairlead models prices small");
  prices->add_option("model", words->model, "The name of a model; else all");
  prices->callback([&context, words] {
    const std::string target = "/api/v1/prices" + (words->model.empty() ? "" : "?model=" + segment(words->model));
    answer(context, http::Method::kGet, target, nullptr,
           [&context](const boost::json::value& reply) { return price_table(context, reply); });
  });

  CLI::App* const files =
      command(*models, context, "files", "List the model files that the server has", "fairlead models files");
  files->callback([&context] {
    answer(context, http::Method::kGet, "/api/v1/model-files", nullptr, [&context](const boost::json::value& reply) {
      std::vector<std::vector<std::string>> rows;
      for (const boost::json::value& one : reply.at("data").as_array())
        rows.push_back({text_of(one, "file"), bytes(integer_of(one, "bytes")), text_of(one, "state"),
                        text_of(one, "sha256"), text_of(one, "error")});
      return table({"file", "size", "state", "sha256", "error"}, rows, context.colours());
    });
  });

  CLI::App* const adding =
      command(*models, context, "add", "Add a GGUF file, from a path on the server's machine or from the web",
              "fairlead models add ./qwen2.5-0.5b-instruct-q4_k_m.gguf");
  adding->add_option("source", words->source, "A file or a URL")->required();
  adding->add_option("--sha256", words->sha256, "Refuse it if its digest is another");
  adding->add_option("--name", words->name, "The name it gets; else that of the source");
  adding->callback([&context, words] { add(context, words->source, words->sha256, words->name); });
}

}  // namespace fairlead::cli
