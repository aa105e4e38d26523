"""tools/check-layers on small trees, one violation each."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parent.parent / 'check-layers'
GOOD = {
    'cmake/layers.txt': '# the list\nbase:\nplatform/json: base\nplatform/http: platform/json base\nllm: platform base\n',
    'src/base/result.h': '#pragma once\n#include <string>\nstruct Result { std::string text; };\n',
    'src/platform/json/text.h': '#pragma once\n#include "base/result.h"\nResult parse();\n',
    'src/platform/json/internal/scan.h': '#pragma once\nint scan();\n',
    'src/platform/json/text.cc': '#include "platform/json/text.h"\n#include "platform/json/internal/scan.h"\n',
    'src/platform/http/server.h': '#pragma once\n#include "platform/json/text.h"\n',
    'src/llm/chat.h': '#pragma once\n#include "platform/http/server.h"\n#include "base/result.h"\n',
    'tests/load/gateway.cc': '#include "llm/chat.h"\n',
}


class CheckLayers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write(GOOD)

    def write(self, files):
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)

    def check(self, *options):
        return subprocess.run([sys.executable, CHECK, '--root', self.root, *(options or ['--no-compile'])],
                              capture_output=True, text=True, check=False)

    def assert_fault(self, files, *parts):
        self.write(files)
        ran = self.check()
        self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
        for part in parts:
            self.assertIn(part, ran.stdout)

    def test_a_tree_that_keeps_to_the_list_passes(self):
        ran = self.check()
        self.assertEqual((ran.returncode, ran.stdout), (0, ''), ran.stderr)

    def test_an_include_that_the_list_does_not_allow(self):
        self.assert_fault({'src/base/bad.cc': '\n#include "llm/chat.h"\n'}, 'src/base/bad.cc:2: base may not include llm')

    def test_angle_brackets_hide_nothing(self):
        self.assert_fault({'src/base/bad.cc': '#include <llm/chat.h>\n'}, 'src/base/bad.cc:1: base may not include llm')

    def test_the_name_of_a_group_means_all_rooms_in_it(self):
        self.write({'src/llm/a.cc': '#include "platform/json/text.h"\n#include "platform/http/server.h"\n'})
        self.assertEqual(self.check().returncode, 0)

    def test_rooms_of_one_group_do_not_see_each_other_unless_listed(self):
        self.assert_fault({'src/platform/json/bad.cc': '#include "platform/http/server.h"\n'},
                          'src/platform/json/bad.cc:1: platform/json may not include platform/http')

    def test_a_cycle_in_the_list(self):
        self.assert_fault({'cmake/layers.txt': GOOD['cmake/layers.txt'].replace('base:', 'base: llm')}, 'cmake/layers.txt:2: cycle base → llm → base')

    def test_a_cycle_of_files_in_one_room(self):
        self.assert_fault({'src/base/a.h': '#include "base/b.h"\n', 'src/base/b.h': '#include "base/a.h"\n'},
                          'src/base/a.h:1: cycle of includes base/a.h → base/b.h → base/a.h')

    def test_internal_headers_of_another_room(self):
        self.assert_fault({'src/llm/bad.cc': '#include "platform/json/internal/scan.h"\n'},
                          'src/llm/bad.cc:1: `platform/json/internal/scan.h` is internal to platform/json')

    def test_dots_in_an_include(self):
        self.assert_fault({'src/llm/bad.cc': '#include "../base/result.h"\n'}, 'src/llm/bad.cc:1:', 'no `..`')

    def test_an_include_from_its_own_folder(self):
        self.assert_fault({'src/llm/bad.cc': '#include "chat.h"\n'}, 'src/llm/bad.cc:1:', 'write "llm/chat.h"')

    def test_a_file_in_no_room(self):
        self.assert_fault({'src/utils/x.h': ''}, 'src/utils/x.h:1: lies in no room')

    def test_a_room_misspelt_in_the_list(self):
        self.assert_fault({'cmake/layers.txt': GOOD['cmake/layers.txt'] + 'gateway: lmm\n'}, 'cmake/layers.txt:6: `lmm` is no room')

    def test_a_file_of_more_than_800_lines(self):
        self.assert_fault({'tests/e2e/long.py': 'x = 1\n' * 801}, 'tests/e2e/long.py:801: 801 lines')
        self.write({'tests/e2e/long.py': 'x = 1\n' * 800})
        self.assertEqual(self.check().returncode, 0)

    def test_a_header_that_does_not_compile_alone_and_is_looked_at_again_when_what_it_includes_changes(self):
        build = self.root / 'build/dev'
        build.mkdir(parents=True)
        command = f'c++ -std=c++20 -I{self.root}/src -include pch.hxx -Winvalid-pch -o text.o -c {self.root}/src/platform/json/text.cc'
        (build / 'compile_commands.json').write_text(json.dumps(
            [{'directory': str(build), 'command': command, 'file': f'{self.root}/src/platform/json/text.cc'}]))
        first = self.check('--build', build)
        self.assertEqual(first.returncode, 0, first.stdout)
        self.assertIn('compiling 4 public headers', first.stderr)
        self.assertNotIn('compiling', self.check('--build', build).stderr)
        self.write({'src/base/result.h': '#pragma once\nstruct Result { std::string text; };\n'})
        broken = self.check('--build', build)
        self.assertEqual(broken.returncode, 1)
        self.assertIn('src/base/result.h:1: does not compile alone', broken.stdout)
        self.assertIn('src/llm/chat.h:1: does not compile alone', broken.stdout)
        self.assertEqual(self.check('--build', build).returncode, 1, 'a failure must not be remembered as a pass')


if __name__ == '__main__':
    unittest.main()
