#include <fmt/format.h>

#include "cli/internal/command.h"

namespace fairlead::cli {

void add_cache(CLI::App& app, Context& context) {
  CLI::App* const cache = app.add_subcommand("cache", "The answer cache: what it holds, and clearing it");
  cache->require_subcommand(1);

  CLI::App* const showing =
      command(*cache, context, "show", "Show what is kept, by prompt and model", "fairlead cache show");
  showing->callback([&context] {
    answer(context, http::Method::kGet, "/api/v1/cache", nullptr, [&context](const boost::json::value& reply) {
      std::vector<std::vector<std::string>> rows;
      for (const boost::json::value& one : reply.at("data").as_array())
        rows.push_back({text_of(one, "prompt").empty() ? "-" : text_of(one, "prompt"), text_of(one, "model"),
                        text_of(one, "answers"), bytes(integer_of(one, "bytes"))});
      if (rows.empty()) return std::string("  Nothing is kept.\n");
      return table({"prompt", "model", "answers", "size"}, rows, context.colours());
    });
  });

  struct CacheWords {
    std::string prompt, model;
  };
  const auto words = std::make_shared<CacheWords>();
  CLI::App* const clearing =
      command(*cache, context, "clear", "Forget answers; without an option, all of the project's",
              "fairlead cache clear --prompt support-reply");
  clearing->add_option("--prompt", words->prompt, "Those of calls of this prompt");
  clearing->add_option("--model", words->model, "Those of this model");
  clearing->callback([&context, words] {
    const std::string target =
        fmt::format("/api/v1/cache?prompt={}&model={}", segment(words->prompt), segment(words->model));
    answer(context, http::Method::kDelete, target, nullptr, [](const boost::json::value& reply) {
      const std::int64_t cleared = integer_of(reply, "cleared");
      const bool is_shared = reply.as_object().contains("cleared_in_redis");
      const std::string more =
          is_shared ? fmt::format(" here, {} in Redis", integer_of(reply, "cleared_in_redis")) : "";
      return fmt::format("  {} {} forgotten{}\n", cleared, cleared == 1 ? "answer" : "answers", more);
    });
  });
}

}  // namespace fairlead::cli
