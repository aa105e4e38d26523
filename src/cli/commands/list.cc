#include "cli/internal/command.h"

namespace fairlead::cli {

void add_list(CLI::App& app, Context& context) {
  struct ListWords {
    std::string kind, limit = "100";
  };
  const auto words = std::make_shared<ListWords>();
  CLI::App* const list = command(app, context, "list", "List resources", "fairlead list prompt");
  list->add_option("kind", words->kind,
                   "Only this kind: prompt, model, provider, budget, policy, chain, schedule, webhook");
  list->add_option("--limit", words->limit, "At most this many")->capture_default_str();
  list->callback([&context, words] {
    const std::string target = "/api/v1/resources" + query_string({{"kind", words->kind}, {"limit", words->limit}});
    answer(context, http::Method::kGet, target, nullptr, [&context](const boost::json::value& reply) {
      std::vector<std::vector<std::string>> rows;
      for (const boost::json::value& one : reply.at("data").as_array()) {
        std::string labels;
        if (const boost::json::object* all =
                one.as_object().if_contains("labels") ? one.at("labels").if_object() : nullptr)
          for (const auto& [label, version] : *all)
            labels += (labels.empty() ? "" : " ") + std::string(label) + "=" + json::to_text(version);
        rows.push_back({text_of(one, "kind") + "/" + text_of(one, "name"), "v" + text_of(one, "version"), labels,
                        text_of(one, "author"), local_time(text_of(one, "created_at")), text_of(one, "message")});
      }
      return table({"resource", "version", "labels", "author", "when", "message"}, rows, context.colours());
    });
  });
}

}  // namespace fairlead::cli
