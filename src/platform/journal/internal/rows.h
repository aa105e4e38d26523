// Runs, events and signals, from and to the tables of schema.h. Within a transaction.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "platform/journal/engine.h"
#include "platform/journal/internal/blobs.h"
#include "platform/journal/run.h"
#include "platform/store/database.h"

namespace fairlead::journal {

// Whether the query gives a row.
Result<bool> any_row(store::Connection& connection, const std::string& sql, std::span<const store::Value> values);

// For `select`: the columns that run_of reads.
extern const char* const kRunColumns;
Run run_of(const store::Row& row);
// Of rows: their inputs and outputs as they were given.
Result<void> expand_runs(store::Connection& connection, std::span<Run> runs);

std::unexpected<Error> run_not_found(const std::string& run);
// The limit that a lane of internal/places.h stands for.
std::string limit_name(const std::string& lane);

// As their rows are to have them.
void keep_large(std::vector<Event>& events, std::vector<Blob>& blobs);
// As their rows have them. What is there already stays as it is: a second try of a commit whose end is not known finds
// its own rows.
Result<void> insert_events(store::Connection& connection, const std::vector<const Event*>& events);
Result<void> insert_event(store::Connection& connection, Event event);  // as it is
// What a new run's row has of its input.
struct KeptInput {
  std::string digest, text;
  std::vector<Blob> blobs;
};
KeptInput keep_input(const Run& run);
// False: one of the same key, or this one, is there already.
Result<bool> insert_run(store::Connection& connection, const Run& run, const KeptInput& input,
                        std::optional<std::int64_t> due);
Result<std::optional<Run>> find_run(store::Connection& connection, const std::string& id);
// Without its input and output.
Result<std::optional<Run>> find_run_briefly(store::Connection& connection, const std::string& id);
Result<std::optional<Run>> find_run_by_key(store::Connection& connection, const std::string& project,
                                           const std::string& key);
// By its id or a beginning of it. Error: kInvalid ambiguous_id.
Result<std::optional<Run>> find_run_by_start(store::Connection& connection, const std::string& project,
                                             const std::string& start);
Result<std::vector<Run>> list_runs(store::Connection& connection, const RunFilter& filter);
Result<std::vector<StepSpan>> read_spans(store::Connection& connection, const std::string& kind, std::int64_t runs,
                                         std::int64_t most);
Result<std::vector<Event>> read_events(store::Connection& connection, const std::string& run, std::int64_t after,
                                       std::int64_t most);

// Signals that the run's owner has not taken, in the order they came.
Result<std::vector<Signal>> new_signals(store::Connection& connection, const std::string& node);
// The same of one run.
Result<std::vector<Signal>> signals_of(store::Connection& connection, const std::string& run);
// Once for an id; a run that waits becomes due. False: it is there already. With `blobs` if its row has not all of it.
Result<bool> insert_signal(store::Connection& connection, const Signal& signal, const std::vector<Blob>& blobs = {});
// Asks every run that was started for it, and has not finished, to stop.
Result<void> cancel_children(store::Connection& connection, const std::string& parent, std::int64_t at);
Result<void> mark_taken(store::Connection& connection, const std::string& run, const std::string& id);

Result<void> write_queue(store::Connection& connection, const Queue& queue);
Result<std::vector<Queue>> read_queues(store::Connection& connection, const std::string& project);

// Forgets runs that had ended by then, with all that is kept of them, so many at the most. Their number.
Result<std::size_t> purge(store::Connection& connection, std::int64_t ended_by, std::int64_t most);

// The digest by which a key's second use is told from its first: of the kind, the name and the input.
std::string input_digest(const RunRequest& request);

}  // namespace fairlead::journal
