# canopy_test(<name> SOURCES <file>... [NP <n>...] [LINK <target>...] [TIMEOUT <s>] [SLOW]
#             [SLOW_NP <n>...])
#
# One executable, one ctest entry per process count: <name>.np1, <name>.np2, ...  Without NP it is a
# plain process that needs no mpirun and that a debugger can start. Every entry carries the label
# `quick`, or `slow` when SLOW is given or the process count is one of SLOW_NP: tests/run.sh runs the
# quick ones, tests/run.sh --all both.
function(canopy_test name)
  cmake_parse_arguments(arg "SLOW" "TIMEOUT" "SOURCES;NP;SLOW_NP;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${arg_LINK} canopy_flags GTest::gtest GTest::gmock)
  target_compile_definitions(${name} PRIVATE CANOPY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set(label quick)
  if(arg_SLOW)
    set(label slow)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(CANOPY_SANITIZE)
    math(EXPR arg_TIMEOUT "5 * ${arg_TIMEOUT}")
  endif()
  if(NOT arg_NP)
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${label};serial" TIMEOUT ${arg_TIMEOUT})
    return()
  endif()
  target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/mpi_main.cpp)
  target_link_libraries(${name} PRIVATE canopy_comm)
  foreach(np IN LISTS arg_NP)
    set(np_label ${label})
    if(np IN_LIST arg_SLOW_NP)
      set(np_label slow)
    endif()
    add_test(NAME ${name}.np${np} COMMAND ${CANOPY_MPIRUN} -np ${np} $<TARGET_FILE:${name}>)
    set_tests_properties(${name}.np${np} PROPERTIES
      LABELS "${np_label};mpi;np${np}"              # ctest -L np4
      PROCESSORS ${np}                              # ctest -j starts no more ranks than cores
      TIMEOUT ${arg_TIMEOUT}                        # a deadlock is a failure, not a stuck pipeline
      ENVIRONMENT "${CANOPY_MPI_ENVIRONMENT}")
  endforeach()
endfunction()

set(CANOPY_MPIRUN ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none)
set(CANOPY_MPI_ENVIRONMENT
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_mpi_yield_when_idle=1)
if(CANOPY_SANITIZE)
  # Open MPI's plugins keep memory until the process ends, and are unloaded before leaks are looked
  # for, so that no suppression can name them. Tests that need no mpirun do look for leaks.
  list(APPEND CANOPY_MPI_ENVIRONMENT ASAN_OPTIONS=detect_leaks=0)
endif()

# canopy_loss_test(<program> LINK <target>... SCENES <word>...)
#
# A program that loses some of its five ranks, which plain mpirun would not outlive: test_<program>.<scene>
# for each scene that it plays. It prints "as it should be" at the end, or what is WRONG.
function(canopy_loss_test program)
  cmake_parse_arguments(arg "" "" "LINK;SCENES" ${ARGN})
  add_executable(${program} ${program}.cpp)
  target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${program} PRIVATE ${arg_LINK} canopy_flags)
  foreach(scene IN LISTS arg_SCENES)
    add_test(NAME test_${program}.${scene}
             COMMAND ${CANOPY_MPIRUN} --enable-recovery -np 5 $<TARGET_FILE:${program}> ${scene})
    set_tests_properties(test_${program}.${scene} PROPERTIES
      LABELS "quick;mpi;np5" PROCESSORS 5 TIMEOUT 60 PASS_REGULAR_EXPRESSION "as it should be"
      FAIL_REGULAR_EXPRESSION "WRONG"
      ENVIRONMENT "${CANOPY_MPI_ENVIRONMENT};OMPI_MCA_btl_vader_single_copy_mechanism=none")
  endforeach()
endfunction()
