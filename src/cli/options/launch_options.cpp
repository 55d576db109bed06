#include "cli/options/launch_options.h"

namespace ropewalk::cli {

void declare_launch_options(CLI::App& app, LaunchOptions& options) {
  app.add_option(
         "command", options.command, "What each rank runs: train and its options, without --nproc")
      ->type_name("-- train RUN.json");
  app.add_option("--nnodes",
                 options.nnodes,
                 "How many machines take part; with 1 this is `ropewalk train --nproc`")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--node-rank",
                 options.node_rank,
                 "This machine's number: 0 on the machine of --rendezvous, where rank 0 runs, and "
                 "each number up to N - 1 on another one")
      ->type_name("I");
  app.add_option("--nproc", options.nproc, "Ranks to start on this machine; the same on each")
      ->type_name("N")
      ->capture_default_str();
  app.add_option(
         "--rendezvous",
         options.rendezvous,
         "HOST:PORT, an address of machine 0 that the others reach and a free port there: the "
         "only place where it waits for them")
      ->type_name("ADDRESS");
  app.add_option("--bind",
                 options.bind,
                 "This machine's address for what its ranks exchange; without it that of the "
                 "interface that leads to the rendezvous")
      ->type_name("ADDRESS");
  app.add_option("--job-id",
                 options.job_id,
                 "A name for the run, the same on every machine; machines of a run with another "
                 "name are turned away")
      ->type_name("ID");
  app.add_option("--timeout", options.timeout, "How long all machines may take to come")
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option(
         "--grace",
         options.grace,
         "After a rank failed anywhere: how long the others have between SIGTERM and SIGKILL")
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("--max-restarts",
                 options.max_restarts,
                 "After a failure anywhere: start the ranks of all machines again up to this many "
                 "times, from the newest checkpoint as soon as there is one; that of machine 0 "
                 "counts")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--hang-limit",
                 options.hang_limit,
                 "A rank that shows no sign of life, or stands still within a step, is named and "
                 "ends the run after this long, or after 5 steps of the usual length where those "
                 "are longer; 0 waits forever")
      ->type_name("SECONDS")
      ->capture_default_str();
  app.footer(
      "On two machines, of which the first has the address 10.0.0.1:\n"
      "  ropewalk launch --nnodes 2 --node-rank 0 --nproc 8 --rendezvous 10.0.0.1:29500 -- train "
      "run.json\n"
      "  ropewalk launch --nnodes 2 --node-rank 1 --nproc 8 --rendezvous 10.0.0.1:29500 -- train "
      "run.json");
}

}  // namespace ropewalk::cli
