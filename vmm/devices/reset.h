// The two ways of a PC to reset itself by a port: the reset control register at 0xcf9 (ACPI
// RESET_REG) and the keyboard controller's command 0xfe at 0x64.
//
// There is no keyboard controller behind 0x64. Its status always reads "output buffer full, input
// buffer empty": Linux finds no controller at once (it cannot be drained) and does not wait before
// it writes the reset command.
#pragma once

#include "vmm/io.h"
#include "vmm/request.h"

namespace vmm {

// One byte at kResetPort. That port lies inside of the PCI configuration ports' eight: they hand a
// byte access at offset 1 on to this device.
class ResetControl final : public IoDevice {
 public:
  explicit ResetControl(RequestHandler request) : request_(std::move(request)) {}
  std::string_view name() const override { return "reset control"; }
  uint64_t Read(Access access) override;
  void Write(Access access, uint64_t value) override;

 private:
  const RequestHandler request_;
};

// One byte at kKeyboardCommandPort.
class KeyboardReset final : public IoDevice {
 public:
  explicit KeyboardReset(RequestHandler request) : request_(std::move(request)) {}
  std::string_view name() const override { return "keyboard controller"; }
  uint64_t Read(Access access) override;
  void Write(Access access, uint64_t value) override;

 private:
  const RequestHandler request_;
};

}  // namespace vmm
