// The hot-plug slot of a port: what the guest's driver reads, what happens to a card (PCIe 6.0, 6.7
// and 7.5.3.9 to 7.5.3.11).
//
// It has an attention button, a power controller and indicators; a card may be taken away by
// surprise, and commands complete at once. A value without threads of its own.
#pragma once

#include <cstdint>

namespace vmm::pci {

class Slot {
 public:
  // What a write of the guest means for the card.
  enum class Power : uint8_t { kUnchanged, kOff, kOn };

  // As after a reset: with power when there is a card.
  explicit Slot(bool occupied);

  static uint32_t Capabilities(unsigned number);  // the number of the slot, 0 to 8191
  static constexpr uint16_t kWritableControl = 0x17ff;
  static constexpr uint16_t kEvents = 0x0109;  // cleared by writing one

  uint16_t control() const { return control_; }
  uint16_t status() const;
  bool occupied() const { return occupied_; }
  // Whether the card can be reached.
  bool link_active() const;
  // The condition of the interrupt: a message is due each time it becomes true (6.7.3.4).
  bool interrupt() const;

  Power WriteControl(uint16_t value);
  void ClearEvents(uint16_t ones);

  void Insert();
  // Tells of the card once more: Linux drops what it hears within a second after it has switched
  // the power off (remove_board, drivers/pci/hotplug/pciehp_ctrl.c).
  void Announce();
  void Remove();
  // Asks the guest to let go of the card; its driver waits five seconds for a second press.
  void PressButton() { events_ = static_cast<uint16_t>(events_ | 1); }
  // Takes that back: a press that the guest has not heard is gone, and one whose five seconds run,
  // while the power indicator blinks, gets the second press that ends them (6.7.1.5).
  void TakeBackPress();

 private:
  void NoteLink(bool before);

  bool occupied_;
  uint16_t control_;
  uint16_t events_ = 0;
};

}  // namespace vmm::pci
