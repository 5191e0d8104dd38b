// From the PVH entry (32 bits, flat, no paging; xen/include/public/arch-x86/hvm/start_info.h) to Main in 64-bit mode, and the
// stubs of the interrupt table.

.section .note.xen, "a", @note
  .align 4
  .long 4, 4, 18            // name and value of 4 bytes each, XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .long Entry

.section .text.entry, "ax"
.code32
.global Entry
Entry:
  cld
  movl $stack_end, %esp
  movl %ebx, %edi           // start_info, Main's argument
  // One to one: four directories of 2 MiB pages.
  movl $pd, %ecx
  movl $0x83, %eax          // present, writable, large
  xorl %edx, %edx
1: movl %eax, (%ecx)
  movl $0, 4(%ecx)
  addl $0x200000, %eax
  addl $8, %ecx
  incl %edx
  cmpl $2048, %edx
  jne 1b
  movl $pdpt, %ecx
  movl $pd + 3, %eax
  movl $4, %edx
2: movl %eax, (%ecx)
  addl $4096, %eax
  addl $8, %ecx
  decl %edx
  jnz 2b
  movl $pdpt + 3, pml4
  movl $pml4, %eax
  movl %eax, %cr3
  movl %cr4, %eax
  orl $0x20, %eax           // PAE
  movl %eax, %cr4
  movl $0xc0000080, %ecx    // EFER
  rdmsr
  orl $0x100, %eax          // LME
  wrmsr
  movl %cr0, %eax
  orl $0x80000001, %eax     // PG, PE
  movl %eax, %cr0
  lgdt gdt_pointer
  ljmp $0x08, $long_mode

.code64
long_mode:
  movw $0x10, %ax
  movw %ax, %ds
  movw %ax, %es
  movw %ax, %ss
  movl %edi, %edi
  call Main
1: cli
  hlt
  jmp 1b

// Each stub pushes a code where the processor has pushed none, and its vector.
.altmacro
.macro stub vector
  .align 16
  .if (\vector == 8) || (\vector >= 10 && \vector <= 14) || (\vector == 17) || (\vector == 21)
  .else
  pushq $0
  .endif
  pushq $\vector
  jmp common
.endm
.align 16
.global interrupt_stubs
interrupt_stubs:
.set i, 0
.rept 256
  stub %i
  .set i, i + 1
.endr

common:
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  movq 72(%rsp), %rdi       // vector
  movq 80(%rsp), %rsi       // code
  movq 88(%rsp), %rdx       // rip
  call OnInterrupt
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rdx
  popq %rcx
  popq %rax
  addq $16, %rsp
  iretq

.section .rodata
.align 16
gdt:
  .quad 0
  .quad 0x00af9b000000ffff  // 64-bit code
  .quad 0x00cf93000000ffff  // data
gdt_pointer:
  .word . - gdt - 1
  .long gdt

.bss
.align 4096
.global pml4
pml4: .skip 4096
.global pdpt
pdpt: .skip 4096
pd: .skip 4 * 4096
.skip 64 * 1024
stack_end:

.section .note.GNU-stack, "", @progbits
