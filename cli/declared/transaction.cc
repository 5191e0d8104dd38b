#include "cli/declared/transaction.h"

#include <fmt/format.h>

#include <cerrno>
#include <ctime>
#include <nlohmann/json.hpp>

#include "sysfs/base/checksum.h"
#include "sysfs/base/fd.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

constexpr size_t kLimit = size_t{16} << 20;

Json OrNull(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

Json TouchedJson(const Touched& one) {
  return {{"bdf", one.address.ToString()},
          {"device_before", OrNull(one.device_before)},
          {"device_record", OrNull(one.device_record)},
          {"functions_before", OrNull(one.functions_before)},
          {"functions_record", OrNull(one.functions_record)}};
}

std::optional<std::string> TextOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<uint64_t> NumberOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<uint64_t>();
}

std::string OutcomePath(const sysfs::Journal& journal) {
  return journal.folder() + "/apply.outcome";
}

std::string FailurePath(const sysfs::Journal& journal) {
  return journal.folder() + "/apply.failure";
}

// What differs from the text that we would write is refused by the caller.
std::optional<Transaction> Take(const Json& json) {
  if (!json.is_object() || !json.contains("touched") || !json.contains("pins")) return {};
  Transaction taken;
  taken.boot_id = TextOf(json, "boot_id").value_or("");
  taken.pid = static_cast<int>(NumberOf(json, "pid").value_or(0));
  for (const Phase phase : {Phase::kWaiting, Phase::kUndoing}) {
    if (TextOf(json, "phase") == Name(phase)) taken.phase = phase;
  }
  if (const auto seconds = NumberOf(json, "confirm"))
    taken.confirm = static_cast<unsigned>(*seconds);
  taken.deadline = NumberOf(json, "deadline").value_or(0);
  if (!json["touched"].is_array() || !json["pins"].is_object()) return {};
  for (const Json& one : json["touched"]) {
    if (!one.is_object()) return {};
    const auto address = sysfs::PciAddress::Parse(TextOf(one, "bdf").value_or(""));
    if (!address) return {};
    taken.touched.push_back({*address, TextOf(one, "device_before"), TextOf(one, "device_record"),
                             TextOf(one, "functions_before"), TextOf(one, "functions_record")});
  }
  if (!json.contains("nodes") || !json["nodes"].is_object()) return {};
  for (const auto& [path, state] : json["nodes"].items()) {
    if (!state.is_array() || state.size() != 3) return {};
    NodeState& node = taken.nodes[path];
    size_t at = 0;
    for (unsigned* part : {&node.user, &node.group, &node.mode}) {
      if (!state[at].is_number_unsigned()) return {};
      *part = state[at++].get<unsigned>();
    }
  }
  for (const auto& [name, text] : json["pins"].items()) {
    if (!text.is_string()) return {};
    const auto pin = ParsePin(text.get<std::string>());
    if (!pin) return {};
    taken.pins.emplace(name, *pin);
  }
  return taken;
}

}  // namespace

std::string_view Name(Phase phase) {
  switch (phase) {
    case Phase::kApplying:
      return "applying";
    case Phase::kWaiting:
      return "waiting";
    case Phase::kUndoing:
      return "undoing";
  }
  return "unknown";
}

std::string FormatTransaction(const Transaction& transaction) {
  Json touched = Json::array();
  for (const Touched& one : transaction.touched) touched.push_back(TouchedJson(one));
  Json nodes = Json::object();
  for (const auto& [path, state] : transaction.nodes)
    nodes[path] = Json::array({state.user, state.group, state.mode});
  Json pins = Json::object();
  for (const auto& [name, identity] : transaction.pins) pins[name] = FormatPin(identity);
  Json json = {{"version", 1},
               {"boot_id", transaction.boot_id},
               {"pid", static_cast<unsigned>(transaction.pid)},
               {"phase", Name(transaction.phase)},
               {"confirm", transaction.confirm ? Json(*transaction.confirm) : Json(nullptr)},
               {"deadline", transaction.deadline},
               {"touched", std::move(touched)},
               {"nodes", std::move(nodes)},
               {"pins", std::move(pins)}};
  json["check"] = base::ChecksumText(Dump(json));
  return Dump(json);
}

base::Result<Transaction> ParseTransaction(std::string_view text) {
  auto taken = Take(Json::parse(text, nullptr, false));
  if (taken && FormatTransaction(*taken) == text) return std::move(*taken);
  return base::Fail(base::Code::kUsage, "not what an apply of this vassign wrote");
}

std::string TransactionPath(const sysfs::Journal& journal) {
  return journal.folder() + "/apply.json";
}

base::Result<std::optional<Transaction>> FindTransaction(const sysfs::Journal& journal) {
  const std::string path = TransactionPath(journal);
  const auto text = base::ReadFile(path, kLimit);
  if (!text) {
    if (text.error().err() == ENOENT) return std::optional<Transaction>();
    return base::Failure(text.error());
  }
  auto transaction = ParseTransaction(*text);
  if (!transaction) {
    return base::Failure(std::move(transaction.error())
                             .With(path)
                             .WithHint("vassign status shows what is taken, vassign restore gives "
                                       "it back; then remove " +
                                       path));
  }
  if (!TRY(journal.IsOfThisBoot(transaction->boot_id))) return std::optional<Transaction>();
  return std::optional<Transaction>(std::move(*transaction));
}

base::Status StoreTransaction(const sysfs::Journal& journal, const Transaction& transaction) {
  return sysfs::StoreRecordFile(TransactionPath(journal), FormatTransaction(transaction));
}

base::Status EndTransaction(const sysfs::Journal& journal, std::string_view outcome) {
  TRY(sysfs::StoreRecordFile(OutcomePath(journal), std::string(outcome) + "\n"));
  TRY(sysfs::RemoveRecordFile(FailurePath(journal)));
  return sysfs::RemoveRecordFile(TransactionPath(journal));
}

base::Status StoreFailure(const sysfs::Journal& journal, int pid, const base::Error& error) {
  return sysfs::StoreRecordFile(FailurePath(journal), fmt::format("{} {}\n", pid, error.message()));
}

std::string LastFailure(const sysfs::Journal& journal, int pid) {
  const auto text = base::ReadFile(FailurePath(journal), size_t{64} << 10);
  const std::string head = fmt::format("{} ", pid);
  if (!text || !text->starts_with(head)) return {};
  return std::string(base::Trim(text->substr(head.size())));
}

std::string LastOutcome(const sysfs::Journal& journal) {
  const auto text = base::ReadFile(OutcomePath(journal), 4096);
  return text ? std::string(base::Trim(*text)) : std::string();
}

uint64_t MillisecondsSinceBoot() {
  timespec now = {};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

}  // namespace cli
