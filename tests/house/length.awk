# SPDX-License-Identifier: MIT
# length.awk: prints every function of more than 100 lines and every file of more than 700.

FNR == 1 { start = 0 }
FNR == 701 { print FILENAME ": more than 700 lines"; bad = 1 }
/^{/ { start = FNR }
/^}/ && start {
	if (FNR - start + 1 > 100) {
		print FILENAME ":" start ": a function of " FNR - start + 1 " lines"
		bad = 1
	}
	start = 0
}
END { exit bad }
