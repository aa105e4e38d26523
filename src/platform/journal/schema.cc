#include "platform/journal/schema.h"

namespace fairlead::journal {

// journal_runs.due: when a node may take the run up; null while a node has it, while it waits for a signal alone, and
// once it is finished. journal_queues.closed: no more of its runs may go on now, as the last claim found. So the index
// of what is due holds nothing of finished runs, however many there are. journal_runs.held: the limit that holds it
// back, empty: none; then it is not due. journal_places: who counts against a limit (internal/places.h). journal_held:
// the other limits that branches of a run wait for that is held back; rows of one that is not mean nothing.
// journal_blobs: what is large of the inputs, outputs and data, and journal_blob_uses: whose (internal/blobs.h).
std::vector<store::Migration> migrations() {
  return {{"journal", 1, R"(
create table journal_nodes (
  node text not null primary key,
  name text not null,
  beat bigint not null,
  started_at bigint not null
);
create table journal_runs (
  id text not null primary key,
  project text not null,
  kind text not null,
  name text not null,
  digest text not null,
  run_key text,
  input_digest text not null,
  input text not null,
  queue text not null,
  author text not null,
  priority bigint not null,
  deadline bigint not null,
  parent text not null,
  parent_step text not null,
  created_at bigint not null,
  started_at bigint not null,
  finished_at bigint not null,
  state text not null,
  due bigint,
  node text,
  cost bigint not null,
  output text not null,
  error text not null
);
create unique index journal_runs_key on journal_runs (project, run_key) where run_key is not null;
create index journal_runs_due on journal_runs (project, priority desc, due) where due is not null;
create index journal_runs_when on journal_runs (due) where due is not null;
create index journal_runs_node on journal_runs (node) where node is not null;
create index journal_runs_queue on journal_runs (project, queue) where node is not null and queue <> '';
create index journal_runs_finished on journal_runs (finished_at) where finished_at > 0;
create index journal_runs_listed on journal_runs (project, id);
create index journal_runs_parent on journal_runs (parent) where parent <> '';
create table journal_events (
  run text not null,
  sequence bigint not null,
  at bigint not null,
  kind text not null,
  step text not null,
  attempt bigint not null,
  data text not null,
  cost bigint not null,
  primary key (run, sequence)
);
create table journal_signals (
  run text not null,
  id text not null,
  name text not null,
  data text not null,
  at bigint not null,
  taken bigint not null,
  primary key (run, id)
);
create index journal_signals_new on journal_signals (run) where taken = 0;
create table journal_queues (
  project text not null,
  name text not null,
  paused bigint not null,
  concurrency bigint not null,
  closed bigint not null,
  primary key (project, name)
);
)"},
          {"journal", 2, R"(
alter table journal_runs add column held text not null default '';
create index journal_runs_held on journal_runs (held, priority desc, id) where held <> '';
alter table journal_queues add column draining bigint not null default 0;
alter table journal_queues add column starts bigint not null default 0;
alter table journal_queues add column period bigint not null default 0;
alter table journal_queues add column per text not null default '';
create table journal_places (
  lane text not null,
  run text not null,
  part text not null,
  node text not null,
  at bigint not null,
  primary key (lane, run, part)
);
create index journal_places_at on journal_places (at);
)"},
          {"journal", 3, R"(
create table journal_blobs (
  digest text not null primary key,
  data text not null
);
create table journal_blob_uses (
  digest text not null,
  run text not null,
  primary key (digest, run)
);
create index journal_blob_uses_run on journal_blob_uses (run);
)"},
          {"journal", 4, R"(
create table journal_held (
  run text not null,
  lane text not null,
  primary key (run, lane)
);
create index journal_held_lane on journal_held (lane);
)"}};
}

}  // namespace fairlead::journal
