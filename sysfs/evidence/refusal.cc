// How evidence is told: to a person, and to a program.
#include <fmt/format.h>

#include "sysfs/evidence/evidence.h"

namespace sysfs {
namespace {

// A mount point may hold a line break that would forge a line of ours.
std::string Clean(std::string_view text) {
  std::string clean;
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    clean += value < 0x20 || value == 0x7f ? '?' : byte;
  }
  return clean;
}

std::string Refusal(const Evidence& piece, bool has_option, Purpose purpose) {
  std::string text = fmt::format("\n  {}\n    {}", Chain(piece), Clean(piece.detail));
  if (piece.reason) text += fmt::format("\n    risk: {}", Risk(*piece.reason));
  text += has_option && CanOverride(piece, purpose)
              ? fmt::format("\n    to do it all the same: --force={}", Name(*piece.reason))
              : "\n    this cannot be overridden";
  if (!piece.cure.empty()) text += "\n    better: " + Clean(piece.cure);
  return text;
}

}  // namespace

bool CanOverride(const Evidence& piece, Purpose purpose) {
  return piece.reason &&
         (*piece.reason == ForceReason::kAssigned) == (purpose == Purpose::kGiveBack);
}

std::string Chain(const Evidence& piece) {
  return Clean(fmt::format("{}", fmt::join(piece.path, " -> ")));
}

std::vector<base::Use> ToUses(const std::vector<Evidence>& evidence, bool has_option,
                              Purpose purpose) {
  std::vector<base::Use> uses;
  for (const Evidence& piece : evidence) {
    const bool named = piece.refuses && has_option && CanOverride(piece, purpose);
    uses.push_back({std::string(Name(piece.kind)), piece.detail, piece.path,
                    named ? std::string(Name(*piece.reason)) : std::string(),
                    piece.reason ? std::string(Risk(*piece.reason)) : std::string(), piece.cure,
                    piece.refuses});
  }
  return uses;
}

base::Status CheckEvidence(const PciAddress& address, const std::vector<Evidence>& evidence,
                           const std::optional<ForceSet>& force, Purpose purpose) {
  // A console may have dozens of users; the structure holds them all.
  constexpr size_t kToldInText = 6;
  size_t count = 0;
  std::string refusals;
  std::string notes;
  std::vector<Evidence> told;
  for (const Evidence& piece : evidence) {
    const bool covered = force && CanOverride(piece, purpose) && force->contains(*piece.reason);
    if (covered && piece.refuses) continue;
    told.push_back(piece);
    if (piece.refuses && ++count > kToldInText) continue;
    if (piece.refuses) {
      refusals += Refusal(piece, force.has_value(), purpose);
    } else {
      notes += fmt::format("\n  also: {}", Clean(piece.detail));
    }
  }
  if (refusals.empty()) return {};
  if (count > kToldInText)
    refusals += fmt::format("\n  and {} more; --json names them all", count - kToldInText);
  return base::Failure(
      base::Error(base::Code::kInUse,
                  fmt::format("{}: in use{}{}", address.ToString(), refusals, notes))
          .WithUses(ToUses(told, force.has_value(), purpose)));
}

}  // namespace sysfs
