#include <sstream>

#include "cli/internal/command.h"

namespace fairlead::cli {

void add_keys(CLI::App& app, Context& context) {
  CLI::App* const keys = app.add_subcommand("keys", "Keys: who may call, and what each may do");
  keys->require_subcommand(1);
  struct KeysWords {
    std::string name, scopes = "call", project, expires, id;
  };
  const auto words = std::make_shared<KeysWords>();

  CLI::App* const create = command(*keys, context, "create", "Make a key; it is shown this once",
                                   "fairlead keys create checkout-service --scope call");
  create->add_option("name", words->name, "What it is for")->required();
  create->add_option("--scope", words->scopes, "call, read, write, approve, work, admin, divided by commas")
      ->capture_default_str();
  create->add_option("--project", words->project, "The project that it belongs to; else that of the asking key");
  create->add_option("--expires", words->expires, "When it ends: 2027-01-31T00:00:00Z");
  create->callback([&context, words] {
    boost::json::array scopes;
    std::istringstream list(words->scopes);
    for (std::string one; std::getline(list, one, ',');) scopes.emplace_back(one);
    boost::json::object body{{"name", words->name}, {"scopes", std::move(scopes)}};
    if (!words->project.empty()) body["project"] = words->project;
    if (!words->expires.empty()) body["expires_at"] = words->expires;
    const boost::json::value value = std::move(body);
    // The key alone is the result: KEY=$(fairlead keys create …).
    answer(context, http::Method::kPost, "/api/v1/keys", &value, [](const boost::json::value& reply) {
      const std::string id = text_of(reply, "id");
      std::fprintf(stderr, "# %s, shown this once   (undo: fairlead keys revoke %s)\n", id.c_str(), id.c_str());
      return text_of(reply, "key") + "\n";
    });
  });

  CLI::App* const list = command(*keys, context, "list", "List keys", "fairlead keys list");
  list->callback([&context] {
    answer(context, http::Method::kGet, "/api/v1/keys", nullptr, [&context](const boost::json::value& reply) {
      std::vector<std::vector<std::string>> rows;
      for (const boost::json::value& one : reply.at("data").as_array()) {
        std::string scopes;
        for (const boost::json::value& scope : one.at("scopes").as_array())
          scopes += (scopes.empty() ? "" : ",") + std::string(scope.as_string());
        rows.push_back({text_of(one, "id"), text_of(one, "name"), text_of(one, "project"), scopes,
                        "…" + text_of(one, "last_four"), local_time(text_of(one, "created_at")),
                        local_time(text_of(one, "expires_at"))});
      }
      return table({"id", "name", "project", "scopes", "key", "created", "expires"}, rows, context.colours());
    });
  });

  CLI::App* const revoke =
      destroying_command(*keys, context, "revoke", "End a key, at once", "fairlead keys revoke key_01JD");
  revoke->add_option("id", words->id, "The key's id, or as much of it as is unique")->required();
  revoke->callback([&context, words] {
    if (!context.goes_on("Revoke " + words->id + "? Calls with it are refused from then on, for good.")) return;
    answer(context, http::Method::kDelete, "/api/v1/keys/" + segment(words->id), nullptr,
           [](const boost::json::value& reply) {
             return "  " + text_of(reply, "id") + " is revoked; calls with it are refused from now on.\n";
           });
  });
}

}  // namespace fairlead::cli
