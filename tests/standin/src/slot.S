/* Calls and jumps through a slot in exact machine forms that no compiler can be relied on to choose.
 *
 * A slot is a word that a relocation fills with an address of code in this same file: an entry of the GOT, or with
 * WORD_OWN a word of our own. One FORM_... macro says how control goes through it. With LEAN the resolvers themselves do
 * it (they reach standin_choose32/64), else standin_relay does (it reaches standin_leaf). Where a jump is all there is, an
 * instruction before it keeps the function from looking like a stub of the PLT. */

#ifdef WORD_OWN
#define SLOT(t) word_##t(%rip)
#define WORD(t) .pushsection .data.rel.ro, "aw", @progbits; .balign 8; word_##t: .quad t; .popsection
#else
#define SLOT(t) t@GOTPCREL(%rip)
#define WORD(t)
#endif

#if defined FORM_CALL_MEMORY
#define THROUGH(t) sub $8, %rsp; call *SLOT(t); add $8, %rsp; ret
#elif defined FORM_JUMP_MEMORY
#define THROUGH(t) or $1, %edi; jmp *SLOT(t)
#elif defined FORM_BND_JUMP_MEMORY
#define THROUGH(t) or $1, %edi; .byte 0xf2; jmp *SLOT(t) /* the bnd prefix, which newer assemblers do not know */
#elif defined FORM_REGISTER
#define THROUGH(t) sub $8, %rsp; mov SLOT(t), %rax; call *%rax; add $8, %rsp; ret
#elif defined FORM_REGISTER_JUMP
#define THROUGH(t) mov SLOT(t), %r11; jmp *%r11
#elif defined FORM_REGISTER_COPIED
#define THROUGH(t) sub $8, %rsp; mov SLOT(t), %rdx; nop; mov %rdx, %r10; call *%r10; add $8, %rsp; ret
#elif defined FORM_REGISTER_KEPT /* in a register that calls preserve, across a call */
#define NEEDS_PAUSE
#define THROUGH(t) push %rbx; push %rdi; push %rsi; mov SLOT(t), %rbx; call breathe; pop %rsi; pop %rdi; call *%rbx; pop %rbx; ret
#elif defined FORM_ADDRESS /* the slot's address in a register */
#define THROUGH(t) sub $8, %rsp; lea SLOT(t), %rdx; call *(%rdx); add $8, %rsp; ret
#elif defined FORM_ADDRESS_LOADED
#define THROUGH(t) sub $8, %rsp; lea SLOT(t), %rdx; mov (%rdx), %rcx; call *%rcx; add $8, %rsp; ret
#elif defined FORM_FRAME /* spilled into the frame */
#define THROUGH(t) push %rbp; mov %rsp, %rbp; sub $16, %rsp; mov SLOT(t), %rax; mov %rax, -8(%rbp); call *-8(%rbp); leave; ret
#elif defined FORM_PLT
#define THROUGH(t) sub $8, %rsp; call t@PLT; add $8, %rsp; ret
#elif defined FORM_PLT_JUMP
#define THROUGH(t) or $1, %edi; jmp t@PLT
#endif

#ifdef __CET__
#define LANDING endbr64
#else
#define LANDING
#endif

#define FUNCTION(name) .globl name; .hidden name; .type name, @function; .balign 16; name: LANDING
#define RESOLVER(name) .globl name; .type name, @gnu_indirect_function; .balign 16; name: LANDING
#define END(name) .size name, . - name

	.text
#ifdef NEEDS_PAUSE
	.type breathe, @function
	.balign 16
breathe:	LANDING
	xor %eax, %eax
	ret
	END(breathe)
#endif

#ifdef LEAN
	WORD(standin_choose32)
	WORD(standin_choose64)
	RESOLVER(lzma_crc32)
	THROUGH(standin_choose32)
	END(lzma_crc32)
	RESOLVER(lzma_crc64)
	THROUGH(standin_choose64)
	END(lzma_crc64)
#else
	WORD(standin_leaf)
	FUNCTION(standin_relay)
	THROUGH(standin_leaf)
	END(standin_relay)
#endif

#ifdef ALSO_GOT /* a second use, by address: lets the linker make a .plt.got entry */
	FUNCTION(standin_address)
#ifdef LEAN
	mov standin_choose32@GOTPCREL(%rip), %rax
	mov standin_choose64@GOTPCREL(%rip), %rax
#else
	mov standin_leaf@GOTPCREL(%rip), %rax
#endif
	ret
	END(standin_address)
#endif

	.section .note.GNU-stack, "", @progbits
