/*
 * SPDX-License-Identifier: GPL-2.0
 * The root device of the NVDIMMs, whose firmware finds bad memory by scrubs, clears it when it is
 * told to, and has errors injected (ACPI 6.2, 9.20.7, "NVDIMM Root Device _DSMs"). What is bad is
 * kept here and forgotten at a reboot; the memory itself is good.
 */
DefinitionBlock ("", "SSDT", 2, "HSTMEM", "SCRUB", 1)
{
	Device (\_SB.NVDR)
	{
		Name (_HID, "ACPI0012")

		/*
		 * The bad ranges: the low half of the address, and the length, which is 0 where there is none.
		 * QEMU's tables make all integers 32 bits wide; the high half of all addresses is 1.
		 */
		Name (BADS, Buffer (256) {})

		/* The number at an index of a buffer. */
		Method (RD, 2, Serialized)
		{
			CreateDWordField (Arg0, Arg1, FLD)
			Return (FLD)
		}

		Method (WR, 3, Serialized)
		{
			CreateDWordField (Arg0, Arg1, FLD)
			FLD = Arg2
		}

		/* How many there are. */
		Method (NR, 0, Serialized)
		{
			Local1 = 0
			For (Local0 = 0, Local0 < 256, Local0 += 8)
			{
				If (RD (BADS, Local0 + 4))
				{
					Local1++
				}
			}
			Return (Local1)
		}

		/* Inject: address, length. */
		Method (SPOI, 2, Serialized)
		{
			For (Local0 = 0, Local0 < 256, Local0 += 8)
			{
				If (RD (BADS, Local0 + 4) == 0)
				{
					WR (BADS, Local0, Arg0)
					WR (BADS, Local0 + 4, Arg1)
					Return (0)
				}
			}
			Return (2)
		}

		/* Clear: address, length. Of a range that is covered in part, the part. */
		Method (HEAL, 2, Serialized)
		{
			Local2 = Arg0 + Arg1
			For (Local0 = 0, Local0 < 256, Local0 += 8)
			{
				Local3 = RD (BADS, Local0)
				Local4 = Local3 + RD (BADS, Local0 + 4)
				If (Local3 < Local2 && Local4 > Arg0)
				{
					WR (BADS, Local0 + 4, 0)
					If (Local3 < Arg0)
					{
						SPOI (Local3, Arg0 - Local3)
					}
					If (Local4 > Local2)
					{
						SPOI (Local2, Local4 - Local2)
					}
				}
			}
		}

		/* A buffer of records: where they begin, the size of each, where in it the address is. */
		Method (LIST, 3, Serialized)
		{
			Local0 = Buffer (Arg0 + Arg1 * NR ()) {}
			Local1 = Arg0 + Arg2
			For (Local2 = 0, Local2 < 256, Local2 += 8)
			{
				If (RD (BADS, Local2 + 4))
				{
					WR (Local0, Local1, RD (BADS, Local2))
					WR (Local0, Local1 + 4, 1)
					WR (Local0, Local1 + 8, RD (BADS, Local2 + 4))
					Local1 += Arg1
				}
			}
			Return (Local0)
		}

		/* Query what scrubs can do: persistent memory, 4 KiB of records, clear 512 bytes. */
		Method (CAPS, 0, Serialized)
		{
			Local0 = Buffer (16) {}
			WR (Local0, 0, 0x20000)
			WR (Local0, 4, 4096)
			WR (Local0, 8, 512)
			Return (Local0)
		}

		/* The last scrub, of all of the memory, is over. */
		Method (STAT, 0, Serialized)
		{
			Local0 = LIST (48, 24, 8)
			WR (Local0, 4, SizeOf (Local0))
			WR (Local0, 8, 0x38000000)
			WR (Local0, 12, 1)
			WR (Local0, 16, 0x8000000)
			WR (Local0, 40, 2)
			WR (Local0, 44, NR ())
			Return (Local0)
		}

		Method (_DSM, 4, Serialized)
		{
			If (Arg0 != ToUUID ("2f10e7a4-9e91-11e4-89d3-123b93f75cba"))
			{
				Return (Buffer () { 0 })
			}
			If (Arg2 == 0)
			{
				Return (Buffer () { 0x9f, 0x03 })
			}
			/* What has arguments begins with an address and a length. */
			Local0 = Buffer (24) {}
			If (SizeOf (Arg3))
			{
				Local0 = Concatenate (DerefOf (Arg3 [0]), Local0)
			}
			Local1 = RD (Local0, 0)
			Local2 = RD (Local0, 8)
			Switch (ToInteger (Arg2))
			{
				Case (1)
				{
					Return (CAPS ())
				}
				Case (2)
				{
					Return (Buffer (8) {})
				}
				Case (3)
				{
					Return (STAT ())
				}
				Case (4)
				{
					HEAL (Local1, Local2)
					Local3 = Buffer (16) {}
					WR (Local3, 8, Local2)
					Return (Local3)
				}
				Case (7)
				{
					Local3 = Buffer (4) {}
					WR (Local3, 0, SPOI (Local1, Local2))
					/* Tell the system, as if somebody had stumbled over it. */
					If (RD (Local0, 16) & 1)
					{
						Notify (NVDR, 0x81)
					}
					Return (Local3)
				}
				Case (8)
				{
					HEAL (Local1, Local2)
					Return (Buffer (4) {})
				}
				Case (9)
				{
					Local3 = LIST (8, 16, 0)
					WR (Local3, 4, NR ())
					Return (Local3)
				}
			}
			Return (Buffer () { 0 })
		}
	}
}
