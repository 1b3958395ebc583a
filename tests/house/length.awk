# SPDX-License-Identifier: MIT
# length.awk: prints every function of more than 100 lines and every file of more than 700.  A suite of unit
# tests, which is read case by case, may have 1,200: it mirrors one module.

FNR == 1 {
	start = 0
	most = FILENAME ~ /^tests\/unit\// ? 1200 : 700
}
FNR == most + 1 { print FILENAME ": more than " most " lines"; bad = 1 }
/^{/ { start = FNR }
/^}/ && start {
	if (FNR - start + 1 > 100) {
		print FILENAME ":" start ": a function of " FNR - start + 1 " lines"
		bad = 1
	}
	start = 0
}
END { exit bad }
