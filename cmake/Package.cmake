# Installing, and a Debian package by CPack.
include(GNUInstallDirs)
install(TARGETS careen RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
