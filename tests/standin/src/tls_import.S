/* Imports __tls_get_addr without any thread-local storage: takes its address and never calls it (VIA_PLT: calls it on a
 * path that its caller can not take). VIA_PLTOFF uses the large model's relocation, as position-independent objects do
 * that reach the PLT relative to the GOT. */
	.text
	.globl standin_tls_address
	.hidden standin_tls_address
	.type standin_tls_address, @function
	.balign 16
standin_tls_address:
#ifdef __CET__
	endbr64
#endif
#if defined VIA_PLTOFF
	lea _GLOBAL_OFFSET_TABLE_(%rip), %rcx
	movabs $__tls_get_addr@PLTOFF, %rax
	add %rcx, %rax
#elif defined VIA_PLT
	xor %eax, %eax
	test %eax, %eax
	jz 1f
	sub $8, %rsp
	call __tls_get_addr@PLT
	add $8, %rsp
1:
#else
	mov __tls_get_addr@GOTPCREL(%rip), %rax
#endif
	ret
	.size standin_tls_address, . - standin_tls_address

	.section .note.GNU-stack, "", @progbits
