#pragma once

#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "canopy/record/run_record.hpp"

/// Reports for people: one HTML file that needs no network, with everything it shows in it.
namespace canopy::report {

/// A run that has been read, and what it is called on the page.
struct RunOnPage {
  std::string name;
  record::RunRecord record;
};

struct PageOptions {
  std::string title = "Canopy report";
  /// A live page asks this address of its own server for page_data() again and again, and then the
  /// one that these data name; 204 means that nothing is new. Empty: the page is as it is and asks
  /// for nothing.
  std::string data_url = {};
  std::string home_url = {};  ///< where a served page leads back to
  double refresh_seconds = 5;
};

/// The page: template, style, chart library, scripts and the data of the runs. Runs of one command
/// are laid over one another; a command without a page of its own gets its tables. Names and texts
/// of runs cannot break out of their place: the page's policy allows the scripts embedded here
/// only.
std::string html_page(std::span<RunOnPage const> runs, PageOptions const& options = {});

/// What the scripts are given, as they are given it:
///     {runs: [{name, attributes, settings, environment, tables: {TABLE: {COLUMN: [..]}}, notes}],
///      options}
/// Numbers have 7 significant digits, whole ones beyond 2^53 are text; empty cells are null. A
/// column of few words said often is {words: [..], at: [..]}. Tables are those of page_tables().
nlohmann::ordered_json page_data(std::span<RunOnPage const> runs, PageOptions const& options = {});

/// page_data() as text. Also inside <script> nothing in it is taken for a tag.
std::string page_data_text(std::span<RunOnPage const> runs, PageOptions const& options = {});

}  // namespace canopy::report
