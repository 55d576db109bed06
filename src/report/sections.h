// The parts of the report, each made from all runs and evaluations. A part without data says how to
// get it.
#pragma once

#include "report/page.h"

namespace ropewalk {

ReportSection summary_section(const ReportInput& input);
// Of several runs the settings that differ; of one those that are not the defaults.
ReportSection config_section(const ReportInput& input);

ReportSection loss_section(const ReportInput& input);
ReportSection throughput_section(const ReportInput& input);
ReportSection memory_section(const ReportInput& input);

// Over the steps of training, and against the window of the evaluations.
ReportSection evaluation_section(const ReportInput& input);
ReportSection window_section(const ReportInput& input);

ReportSection position_section(const ReportInput& input);
ReportSection passkey_section(const ReportInput& input);
ReportSection needle_section(const ReportInput& input);
ReportSection recall_section(const ReportInput& input);
ReportSection short_section(const ReportInput& input);

}  // namespace ropewalk
